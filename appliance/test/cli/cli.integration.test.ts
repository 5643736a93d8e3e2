// SPDX-License-Identifier: Apache-2.0
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Backup, Transaction } from "../../src/api/config.ts";
import type { Diagnosis } from "../../src/api/diagnosis.ts";
import { runCli } from "../../src/cli/cli.ts";
import { socketClient, socketUpload } from "../../src/cli/client.ts";
import { readPrepared } from "../../src/config/prepared.ts";
import { verifyPassword } from "../../src/service/access/password.ts";
import { startGateway, type TestGateway, until } from "../support/gateway.ts";

interface Ran {
  code: number;
  out: string;
  err: string;
}

interface Context {
  gateway: TestGateway;
  /** Files that commands can read. */
  files: Record<string, string>;
  run(...args: string[]): Promise<Ran>;
}

const cli = suite<Context>("scsigate");
cli.before.each(async (context) => {
  const config = { version: 1, hostname: "gateway", mqtt: { username: "me", password: "hush-hush" } };
  const gateway = await startGateway({ config });
  const files: Record<string, string> = {};
  context.gateway = gateway;
  context.files = files;
  context.run = async (...args) => {
    const said = { out: [] as string[], err: [] as string[] };
    const code = await runCli(args, {
      call: socketClient(join(gateway.tree.root, "control.sock")),
      upload: socketUpload(join(gateway.tree.root, "control.sock")),
      version: () => "1.2.3",
      pause: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds / 10)),
      out: (text) => said.out.push(text),
      err: (text) => said.err.push(text),
      write: (path, data) => {
        if (path in files) throw Object.assign(new Error(`EEXIST: ${path}`), { code: "EEXIST" });
        files[path] = data.toString("latin1");
      },
      login: async () => {},
      read: (path) => {
        const text = files[path];
        if (text === undefined) throw new Error(`ENOENT: ${path}`);
        return text;
      },
    });
    return { code, out: said.out.join("\n"), err: said.err.join("\n") };
  };
  await until("first plan", () => gateway.plans.length > 0);
});
cli.after.each(({ gateway }) => gateway.stop());

function host(gateway: TestGateway): string {
  const operations = gateway.plans.at(-1)?.groups.flatMap((group) => group.operations) ?? [];
  return operations.flatMap((operation) => (operation.kind === "hostname" ? [operation.name] : []))[0] ?? "";
}

cli("setup-token prints it, as long as there is one", async ({ gateway, run, files }) => {
  assert.equal(await run("setup-token"), { code: 0, out: gateway.token, err: "" });
  files["-"] = "correct horse battery\n";
  assert.is((await run("user", "set", "me", "admin")).code, 0);
  const { code, err } = await run("setup-token");
  assert.is(code, 1);
  assert.match(err, "has an administrator already");
});

cli("hash-password prints what scsigate.json takes", async ({ run, files }) => {
  files["-"] = "correct horse battery\r\n";
  const { out, code } = await run("hash-password");
  assert.is(code, 0);
  assert.ok(await verifyPassword("correct horse battery", out));
  assert.ok(
    readPrepared(Buffer.from(JSON.stringify({ version: 1, users: [{ name: "me", passwordHash: out }] }))).valid,
  );
  files["-"] = "short\n";
  assert.is((await run("hash-password")).code, 1);
});

cli("the socket is for its owner alone", ({ gateway }) => {
  assert.is(statSync(join(gateway.tree.root, "control.sock")).mode & 0o777, 0o600);
});

cli("diagnose shows each link of the chain, and what to do about a broken one", async ({ run }) => {
  const { out, code } = await run("diagnose");
  assert.is(code, 0);
  assert.match(out, /^FAIL seg0: Adapter and driver: not loaded: ipscsi\n {5}Run "modprobe ipscsi"/);
  assert.match(out, /^- {4}MQTT broker: telemetry is off$/m);
  const { checks } = JSON.parse((await run("diagnose", "--json")).out) as Diagnosis;
  assert.is(checks.length, 15);
});

cli("status, peers and logs, for people and as JSON", async ({ run }) => {
  const status = await run("status");
  assert.is(status.code, 0, status.err);
  assert.match(status.out, /^gateway {2}1\.2\.3 {2}/);
  assert.match(status.out, "seg0");
  assert.is((JSON.parse((await run("status", "--json")).out) as { hostname: string }).hostname, "gateway");
  const peers = (await run("peers")).out.split("\n");
  assert.is(peers.length, 3);
  assert.match(peers[1] ?? "", /^seg0 +02:11:22:33:44:0a +station-a/);
  assert.is((JSON.parse((await run("peers", "--json")).out) as unknown[]).length, 2);
  assert.match((await run("logs", "--lines", "5")).out, "info");
  assert.match((await run("adapters")).out, /^loop +- +- +up +unusable +- +this kernel has no module tcm_loop/m);
  const adapters = JSON.parse((await run("adapters", "--json")).out) as { fabric: string }[];
  assert.ok(adapters.some(({ fabric }) => fabric === "loop"));
});

cli("a setting goes into the draft, is shown, tried, and confirmed", async ({ run, gateway }) => {
  assert.is((await run("config", "get", "hostname")).out, "gateway");
  assert.is((await run("config", "get", "http.port", "--json")).out, "80");
  assert.is((await run("config", "set", "hostname", "renamed")).code, 0);
  assert.is((await run("config", "set", "segments.0.dhcp.leaseSeconds", "600")).code, 0);
  assert.is((await run("config", "get", "hostname")).out, "gateway");
  assert.is((await run("config", "get", "hostname", "--draft")).out, "renamed");
  const diff = (await run("config", "diff")).out;
  assert.match(diff, '/hostname: "gateway" -> "renamed"');
  assert.match(diff, "/segments/0/dhcp/leaseSeconds: 3600 -> 600");
  assert.match(diff, "This disturbs:\n  dhcp:");
  const tried = await run("config", "apply", "--confirm-within", "30");
  assert.match(tried.out, "rolled back in 30 s unless you say: scsigate config confirm");
  await until("it is tried", () => host(gateway) === "renamed");
  assert.is((await run("config", "confirm")).out, "Confirmed.");
  assert.is((await run("config", "get", "hostname")).out, "renamed");
  assert.match((await run("config", "history")).out, /^2: .*renamed.*\n1: /);
  assert.match((await run("config", "restore", "1", "--preview")).out, '/hostname: "renamed" -> "gateway"');
  assert.match((await run("config", "restore", "first")).err, "first is no version");
  assert.match((await run("config", "restore", "7")).err, "version 7 is not kept");
  assert.is((await run("config", "restore", "1", "--confirm-within", "30")).code, 0);
  await until("it is restored", () => host(gateway) === "gateway");
  assert.is((await run("config", "confirm")).code, 0);
});

cli("status shows the mode, and a change that waits for its confirmation", async ({ run }) => {
  assert.match((await run("status")).out, /^mode {5}routed$/m);
  await run("config", "set", "hostname", "renamed");
  await run("config", "apply", "--confirm-within", "600");
  const { out } = await run("status");
  assert.match(out, /^change {3}a change is tried, undone in \d+ s unless you say: scsigate config confirm$/m);
  assert.match(out, '/hostname: "gateway" -> "renamed"');
  await run("config", "confirm");
  assert.not.match((await run("status")).out, /^change/m);
});

cli("stations are named, reserved an address, blocked and let in, by whatever they go by", async ({ run }) => {
  const address = "02:11:22:33:44:0a";
  assert.match((await run("stations")).out, /^seg0 +02:11:22:33:44:0a +station-a .*allowed +up/m);
  assert.match((await run("station", "station-a")).out, /^Address {3}02:11:22:33:44:0a on seg0$/m);
  assert.match((await run("station", "name", address.toUpperCase(), "tape")).out, /^Name {6}tape \(given here\)$/m);
  assert.match((await run("station", "block", "tape")).out, /^Access {4}blocked$/m);
  await until("the list knows", async () => /tape .*up, blocked/.test((await run("peers")).out));
  assert.match((await run("station", "allow", "tape", "--segment", "seg0")).out, /^Access {4}allowed$/m);
  const { address: same } = JSON.parse((await run("station", "name", "tape", "-", "--json")).out) as {
    address: string;
  };
  assert.is(same, address);
  const missing = await run("station", "block", "drum");
  assert.is(missing.code, 1);
  assert.match(missing.err, "there is no station drum\nscsigate stations lists them.");
});

cli("users and keys come and go", async ({ run, files }) => {
  files["-"] = "correct horse battery\n";
  await run("user", "set", "me", "admin");
  await run("user", "set", "you", "read");
  assert.match((await run("users")).out, /^you +read$/m);
  assert.is((await run("user", "remove", "you")).code, 0);
  assert.not.match((await run("users")).out, "you");
  const { out: secret } = await run("key", "add", "grafana", "read");
  assert.match(secret, /^[A-Za-z0-9_.-]{20,}$/);
  const keys = await run("keys");
  const [id = ""] = keys.out.split("\n")[1]?.split(" ") ?? [];
  assert.match(keys.out, "grafana");
  assert.is((await run("key", "remove", id)).code, 0);
  assert.is((await run("key", "remove", id)).code, 1);
});

cli("what is typed wrong is answered with what was meant, or how it is called", async ({ run }) => {
  const wrong = async (...args: string[]) => {
    const { code, out, err } = await run(...args);
    assert.is(code, 2, err);
    assert.is(out, "");
    return err;
  };
  assert.match(await wrong("statsu"), /there is no command statsu\nDid you mean this\?\n {2}status /);
  assert.match(await wrong("station", "blok", "tape"), /station blok is no command\n(.*\n)+ {2}station block STATION/);
  assert.match(await wrong("config", "gte"), /config gte is no command\n {2}config get /);
  assert.match(await wrong("frobnicate"), "there is no command frobnicate\nscsigate help lists all.");
  assert.match(
    await wrong("config", "set", "hostname"),
    /config set needs more than that\n {2}config set SETTING VALUE/,
  );
  assert.match(await wrong("status", "everything"), 'status does not take "everything"');
  assert.match(await wrong("status", "--yes"), "status has no option --yes");
  assert.match(await wrong("status", "--frob"), "--frob");
  assert.match(await wrong(), /^scsigate: which command\?\nUsage:/);
  assert.match((await run("logs", "--lines", "many")).err, "--lines takes 1 to 10000 lines");
  assert.equal(await run("--version"), { code: 0, out: "1.2.3", err: "" });
  assert.match((await run("update", "--help")).out, /^ {2}update .*\n {2}update status .*\n {2}update install/);
});

cli("the archive for support goes into a new file, never into one that is there", async ({ run, files }) => {
  assert.match((await run("support", "/run/a.tar.gz")).out, /^\/run\/a\.tar\.gz: \d+ bytes$/);
  const archive = files["/run/a.tar.gz"];
  const again = await run("support", "/run/a.tar.gz");
  assert.is(again.code, 1);
  assert.match(again.err, "/run/a.tar.gz exists already");
  assert.match(again.err, "name another one");
  assert.is(files["/run/a.tar.gz"], archive);
});

cli("rollback, discard and unset", async ({ run, gateway }) => {
  await run("config", "set", "hostname", "tried");
  const applied = JSON.parse((await run("config", "apply", "--json")).out) as Transaction;
  assert.is(applied.state, "applying");
  await until("it is tried", () => host(gateway) === "tried");
  assert.match((await run("config", "rollback")).out, "Rolled back: it was rolled back on request.");
  await until("it is undone", () => host(gateway) === "gateway");
  await run("config", "unset", "hostname");
  assert.match((await run("config", "diff")).out, '/hostname: "gateway" -> "scsigate"');
  assert.is((await run("config", "discard")).code, 0);
  assert.is((await run("config", "diff")).out, "Nothing would change.");
});

cli("a secret is set and removed by way of the draft, without being shown", async ({ run, gateway }) => {
  const keep = async () => {
    const diff = (await run("config", "diff")).out;
    assert.is((await run("config", "apply")).code, 0);
    assert.is((await run("config", "confirm")).out, "Confirmed.");
    return diff;
  };
  const secrets = () => readFileSync(join(gateway.tree.root, "data/secrets.json"), "utf8");
  for (const remove of [
    ["set", "mqtt.password", "null"],
    ["unset", "mqtt.password"],
  ]) {
    await run("config", "set", "mqtt.password", "quiet-please");
    assert.not.match((await run("config", "get", "--draft")).out, "quiet-please");
    const set = await keep();
    assert.match(set, "/mqtt/password");
    assert.not.match(set, "quiet-please");
    assert.match(secrets(), "quiet-please");
    await run("config", ...remove);
    await run("config", "set", "mqtt.username", `${remove[0]}ter`); // an edit of the draft forgets nothing
    assert.match(await keep(), '/mqtt/password: "(secret)" -> (none)');
    assert.is(secrets(), "{}\n");
  }
});

cli("a draft that would undo a later change is refused, and says what to do", async ({ run, files }) => {
  await run("config", "set", "hostname", "drafted");
  files["other.json"] = JSON.stringify({ version: 1, hostname: "gateway", mode: "nat" });
  assert.is((await run("config", "apply", "other.json")).code, 0);
  assert.is((await run("config", "confirm")).code, 0);
  const refused = await run("config", "apply");
  assert.is(refused.code, 1);
  assert.match(refused.err, "scsigate config discard");
  assert.is((await run("config", "get", "hostname", "--draft")).out, "drafted");
  await run("config", "discard");
  await run("config", "set", "hostname", "drafted");
  assert.is((await run("config", "apply")).code, 0);
});

cli("several settings go into the draft together, or none of them", async ({ run }) => {
  const unknown = await run("config", "set", "hostname", "lost", "segments.7.name", "seg7");
  assert.is(unknown.code, 1);
  assert.match(unknown.err, "segments.7.name");
  const odd = await run("config", "set", "hostname", "lost", "mode");
  assert.is(odd.code, 1);
  assert.match(odd.err, "there is no value for mode");
  assert.is((await run("config", "diff")).out, "Nothing would change.");
  await run("config", "set", "segments.0.ipv6.enabled", "true", "segments.0.dhcp.leaseSeconds", "600", "mode", "nat");
  const diff = (await run("config", "diff")).out;
  for (const place of ["/segments/0/ipv6/enabled", "/segments/0/dhcp/leaseSeconds", "/mode"]) assert.match(diff, place);
  await run("config", "discard");
});

cli("a text that looks like a number stays one; a number is one", async ({ run }) => {
  await run("config", "set", "hostname", "007", "mqtt.username", "true", "mqtt.intervalSeconds", "20");
  const draft = JSON.parse((await run("config", "get", "--draft", "--json")).out) as Record<string, object>;
  assert.is(draft["hostname"], "007");
  assert.equal(draft["mqtt"], { username: "true", intervalSeconds: 20 });
  await run("config", "set", "mqtt.username", '"quoted"');
  assert.is((await run("config", "get", "mqtt.username", "--draft")).out, "quoted");
  await run("config", "discard");
});

cli("what the gateway refuses: all mistakes with their places, exit code 1", async ({ run }) => {
  await run("config", "set", "mqtt.intervalSeconds", "0");
  await run("config", "set", "mode", "magic");
  const refused = await run("config", "apply");
  assert.is(refused.code, 1);
  assert.match(refused.err, "the document has 2 mistakes");
  assert.match(refused.err, "/mqtt/intervalSeconds");
  assert.match(refused.err, "/mode");
  const json = await run("config", "apply", "--json");
  const said = JSON.parse(json.err) as { code: string; nextStep: string };
  assert.ok(said.nextStep.length > 3);
  assert.is(said.code, "config-invalid");
  assert.is((await run("config", "confirm")).code, 1);
});

cli("a document of a file, and a backup that comes back", async ({ run, files }) => {
  const backup = await run("backup", "--secrets");
  assert.match(backup.out, "hush-hush");
  assert.not.match((await run("backup")).out, "hush-hush");
  files["new.json"] = JSON.stringify({ version: 1, hostname: "filed", mqtt: { password: null } });
  assert.is((await run("config", "apply", "new.json")).code, 0);
  await run("config", "confirm");
  files["backup.json"] = backup.out;
  assert.match((await run("restore", "backup.json", "--preview")).out, '/mqtt/password: (none) -> "(secret)"');
  assert.is((await run("restore", "backup.json")).code, 0);
  await run("config", "confirm");
  assert.equal((JSON.parse(backup.out) as Backup).document, JSON.parse((await run("config", "get", "--json")).out));
  files["broken.json"] = "{";
  assert.match((await run("restore", "broken.json")).err, "broken.json is not JSON");
  assert.match((await run("restore", "absent.json")).err, "ENOENT");
});

cli("the certificate is shown, replaced and made anew", async ({ run, files }) => {
  assert.match((await run("certificate")).out, /^Subject +CN=gateway\nIssuer +itself/);
  const before = (await run("certificate", "pem")).out;
  assert.match(before, /^-----BEGIN CERTIFICATE-----/);
  assert.match((await run("certificate", "regenerate")).out, "days left");
  assert.is.not((await run("certificate", "pem")).out, before);
  files["new.crt"] = before;
  files["new.key"] = "no key";
  const refused = await run("certificate", "set", "new.crt", "new.key");
  assert.is(refused.code, 1);
  assert.match(refused.err, "the key cannot be read");
  assert.match((await run("certificate", "set", "new.crt", "gone.key")).err, "ENOENT");
  assert.is((await run("certificate", "set", "new.crt")).code, 2);
});

cli("a word that every object knows is no command", async ({ run }) => {
  for (const word of ["constructor", "toString", "__proto__"]) assert.is((await run(word)).code, 2, word);
});

cli("a restart says that it is meant", async ({ run }) => {
  for (const command of ["restart", "reboot"]) {
    const refused = await run(command);
    assert.is(refused.code, 1);
    assert.match(refused.err, "--yes");
  }
  assert.is((await run("reboot", "--yes")).code, 0);
});

cli("users are made on the console, and the setup is then over", async ({ run, files, gateway }) => {
  files["-"] = "correct horse battery\n";
  assert.is((await run("user", "set", "admin", "admin")).code, 0);
  assert.is((await gateway.get("/api/v1/status")).status, 401);
  files["-"] = "short\n";
  assert.is((await run("user", "set", "other", "read")).code, 1);
});

cli("a reset wants to be meant", async ({ run, gateway }) => {
  assert.is((await run("reset")).code, 1);
  const { code, out } = await run("reset", "--yes");
  assert.is(code, 0);
  assert.match(out, "The LAN is eth0 (");
  assert.match(out, "https://scsigate.local");
  await until("defaults", () => host(gateway) === "scsigate");
});

cli("wrong arguments show how it is used, exit code 2", async ({ run }) => {
  for (const args of [
    [],
    ["nonsense"],
    ["config"],
    ["config", "set", "a"],
    ["status", "--nonsense"],
    ["status", "x"],
  ]) {
    const { code, err } = await run(...args);
    assert.is(code, 2, args.join(" "));
    assert.match(err, /scsigate: .+\n.+/);
  }
  assert.is((await run("--help")).code, 0);
  assert.is((await run("config", "apply", "--confirm-within", "1")).code, 1);
  assert.is((await run("config", "set", "segments.7.name", "x")).code, 1);
  assert.is((await run("config", "set", "__proto__.x", "1")).code, 1);
});

cli("a service that does not run is said in words", async () => {
  const said: string[] = [];
  const code = await runCli(["status"], {
    call: socketClient("/nowhere/control.sock"),
    upload: socketUpload("/nowhere/control.sock"),
    version: () => "1.2.3",
    pause: async () => {},
    out: () => {},
    err: (text) => said.push(text),
    login: async () => {},
    write: () => {},
    read: () => "",
  });
  assert.is(code, 1);
  assert.match(said[0] ?? "", "the supervisor does not run");
});

cli.run();
