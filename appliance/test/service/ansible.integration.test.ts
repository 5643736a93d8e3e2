// SPDX-License-Identifier: Apache-2.0
/**
 * The example of docs/ansible, as it is, against real services. Three of them: each host of each task is a Python process, and ten would
 * take minutes on a slow machine. The ten that the example has are checked as documents.
 */
import { spawn } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Transaction } from "../../src/api/config.ts";
import { validate } from "../../src/config/validate.ts";
import type { GroupResult } from "../../src/protocol/operations.ts";
import type { Problem } from "../../src/shared/errors.ts";
import { canonical } from "../../src/shared/json.ts";
import { startGateway, type TestGateway, type Tree, temporaryTree, until } from "../support/gateway.ts";

const EXAMPLE = fileURLToPath(new URL("../../../docs/ansible", import.meta.url));
const VAULT_PASSWORD = "the vault's password";
const SECRETS = { vault_admin_password: "correct horse battery", vault_mqtt_password: "hush-hush" };
const NAMES = ["gateway-01", "gateway-02", "gateway-03"];

interface Host {
  gateway: TestGateway;
  /** Its variables in the inventory. */
  variables: Record<string, unknown>;
}

interface Played {
  code: number | null;
  output: string;
  /** The recap, by host and counter. */
  recap: Record<string, Record<string, number>>;
}

const tree: Tree = temporaryTree();
const path = (name: string) => join(tree.root, name);
const hosts = new Map<string, Host>();
function host(name: string): Host {
  const found = hosts.get(name);
  if (found === undefined) throw new Error(`there is no ${name}`);
  return found;
}
/** What the executor of a gateway cannot do. */
const broken = new Set<string>();
/** The first address of gateway-03, which is gone when the gateway has its LAN address. */
let first: Server | undefined;
const passing = new Set<Socket>();

function run(program: string, ...args: string[]): Promise<Played> {
  const { PATH = "" } = process.env;
  const settings = { HOME: "LOCAL", LOCAL_TEMP: "tmp", REMOTE_TMP: "tmp" };
  const folders = Object.entries(settings).map(([name, folder]) => [`ANSIBLE_${name}`, path(`ansible/${folder}`)]);
  const child = spawn(program, args, {
    cwd: tree.root,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...{ PATH, HOME: tree.root, LC_ALL: "C.UTF-8", ...Object.fromEntries(folders) },
      ...{
        ANSIBLE_NOCOLOR: "1",
        ANSIBLE_FORKS: "4",
        ANSIBLE_PIPELINING: "1",
        ANSIBLE_VAULT_PASSWORD_FILE: path("password"),
      },
    },
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (data: Buffer) => {
      output += data.toString();
    });
  }
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, output, recap: recapOf(output) }));
  });
}

function recapOf(output: string): Played["recap"] {
  const lines = output.matchAll(/^(\S+) +: (ok=.*)$/gm);
  const counters = (text: string) => [...text.matchAll(/(\w+)=(\d+)/g)].map(([, name, count]) => [name, Number(count)]);
  return Object.fromEntries([...lines].map(([, name, text = ""]) => [name, Object.fromEntries(counters(text))]));
}

const play = (playbook: string, ...args: string[]) =>
  run(
    "ansible-playbook",
    "-i",
    path("inventory.yml"),
    "-e",
    `@${path("first-setup.yml")}`,
    ...args,
    join(EXAMPLE, playbook),
  );

/** JSON is YAML. */
function write(file: string, value: unknown): void {
  tree.write({ [file]: JSON.stringify(value) });
}

function writeInventory(): void {
  const variables = [...hosts].map(([name, one]) => [name, one.variables]);
  write("inventory.yml", { gateways: { hosts: Object.fromEntries(variables) } });
}

function fingerprint({ banner }: TestGateway): string {
  return /SHA-256 (\S+)\s+(\S+)/.exec(banner)?.slice(1).join(" ") ?? "";
}

async function add(name: string, number: number): Promise<void> {
  const gateway = await startGateway({
    async apply(plan) {
      if (name === "gateway-03" && JSON.stringify(plan).includes("192.168.1.103")) closeFirst();
      const problem: Problem = { code: "command-failed", message: "it does not go", nextStep: "Try again." };
      return plan.groups.map((group): GroupResult => {
        const result = { name: group.name, changed: 0 };
        return broken.has(name) ? { ...result, failure: { kind: "hostname", problem } } : result;
      });
    },
  });
  const segments = [{ name: "seg0", ipv4: { address: `10.143.${number}.1/24` } }];
  const variables = {
    ansible_host: "127.0.0.1",
    // Modules start sooner without what Debian's packages add to Python.
    ansible_python_interpreter: "{{ ansible_playbook_python }} -S",
    scsigate_port: gateway.service.ports.https,
    scsigate_lan_address: `192.168.1.10${number}`,
    scsigate_segments: segments,
    scsigate_confirm_seconds: 3600, // however slow this machine is
  };
  hosts.set(name, { gateway, variables });
  await until("its console", () => gateway.token !== "" && fingerprint(gateway) !== "");
}

/** Leads to gateway-03 from another address. */
async function openFirst(): Promise<void> {
  const port = host("gateway-03").gateway.service.ports.https;
  first = createServer((from) => {
    const to = connect(port, "127.0.0.1");
    for (const [one, other] of [
      [from, to],
      [to, from],
    ] as const) {
      passing.add(one);
      one.on("error", () => other.destroy());
      one.on("close", () => passing.delete(one));
      one.pipe(other);
    }
  });
  await new Promise<void>((resolve) => first?.listen(port, "127.0.0.2", resolve));
}

function closeFirst(): void {
  first?.close();
  first = undefined;
  for (const socket of passing) socket.destroy();
}

const keys = new Map<string, string>();

async function ask(name: string, what: string): Promise<unknown> {
  const headers = { Authorization: `Bearer ${keys.get(name)}` };
  const { status, body } = await host(name).gateway.get(`/api/v1/${what}`, { headers });
  assert.is(status, 200, `${name}: ${body}`);
  return JSON.parse(body);
}

async function transaction(name: string): Promise<Transaction> {
  return ((await ask(name, "config/transaction")) as { transaction: Transaction }).transaction;
}

/** What the example makes of a gateway of this test. */
function wanted(name: string, number: number, mode = "routed"): unknown {
  const ipv4 = { method: "static", address: `192.168.1.10${number}/24`, gateway: "192.168.1.1", dns: ["192.168.1.1"] };
  return {
    version: 1,
    hostname: name,
    mode,
    lan: { ipv4 },
    segments: [{ name: "seg0", ipv4: { address: `10.143.${number}.1/24` } }],
    time: { zone: "Europe/Berlin" },
    mqtt: { enabled: true, url: "mqtt://192.168.1.5:1883", username: "gateways" },
  };
}

function changed({ recap }: Played): [string, number | undefined][] {
  return Object.entries(recap).map(([name, counters]) => [name, counters["changed"]]);
}

/** The certificate that a gateway shows, to somebody who trusts the authority only. */
function shownBy(name: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const port = host(name).gateway.service.ports.https;
    const socket = connectTls({ host: "127.0.0.1", port, ca: readFileSync(path("tls/ca.pem")) }, () => {
      resolve(socket.getPeerCertificate().fingerprint256);
      socket.destroy();
    });
    socket.on("error", reject);
  });
}

const example = suite("the Ansible example");

example.before(async () => {
  for (const [index, name] of NAMES.entries()) await add(name, index + 1);
  await openFirst();
  host("gateway-02").variables["scsigate_mode"] = "nat";
  writeInventory();
  tree.write({ "tls/.keep": "", "keys/.keep": "" });
  write("group_vars/gateways/vault.yml", SECRETS);
  writeFileSync(path("password"), VAULT_PASSWORD);
  const seen = NAMES.map((name) => {
    const { gateway } = host(name);
    const address = name === "gateway-03" ? "127.0.0.2" : "127.0.0.1";
    return [name, { address, token: gateway.token, fingerprint: fingerprint(gateway) }];
  });
  write("first-setup.yml", { first_setup: Object.fromEntries(seen) });
  // As after a run that has ended there.
  const { gateway } = host("gateway-02");
  const body = JSON.stringify({ token: gateway.token, name: "admin", password: SECRETS.vault_admin_password });
  const headers = { "Content-Type": "application/json" };
  assert.is((await gateway.get("/api/v1/setup", { method: "POST", headers, body })).status, 200);
});

example.after(async () => {
  closeFirst();
  for (const { gateway } of hosts.values()) await gateway.stop();
  tree.dispose();
});

example(
  "new gateways get administrator, certificate, key and configuration, and one moves to its address",
  async () => {
    const made = await play("certificates.yml");
    assert.is(made.code, 0, made.output);
    const played = await play("gateways.yml");
    assert.is(played.code, 0, played.output);
    for (const [index, name] of NAMES.entries()) {
      keys.set(name, tree.read(`keys/${name}`) ?? "");
      assert.equal(await ask(name, "config"), wanted(name, index + 1, name === "gateway-02" ? "nat" : "routed"));
      assert.equal(await ask(name, "config/secrets"), ["/mqtt/password"]);
      assert.is((await transaction(name)).state, "confirmed");
      await shownBy(name);
    }
    assert.is(first, undefined, "the first address is gone");
    assert.not.match(played.output, /hush-hush|correct horse|sg_/);
  },
);

example("a second run, with everything in the vault, changes nothing and says so", async () => {
  const files = ["group_vars/gateways/vault.yml", ...NAMES.map((name) => `keys/${name}`)];
  const locked = await run("ansible-vault", "encrypt", ...files.map(path));
  assert.is(locked.code, 0, locked.output);
  assert.match(tree.read("keys/gateway-01") ?? "", /^\$ANSIBLE_VAULT/);
  write("first-setup.yml", { first_setup: {} });
  const before = await Promise.all(NAMES.map(transaction));
  const played = await play("gateways.yml");
  assert.is(played.code, 0, played.output);
  assert.equal(
    changed(played),
    NAMES.map((name) => [name, 0]),
  );
  const after = await Promise.all(NAMES.map(transaction));
  assert.equal(
    after.map(({ id }) => id),
    before.map(({ id }) => id),
  );
});

example("--check shows what would change, and changes nothing", async () => {
  await add("gateway-04", 4);
  host("gateway-01").variables["scsigate_mode"] = "nat";
  writeInventory();
  const played = await play("gateways.yml", "--check", "--limit", "gateway-01,gateway-04");
  assert.is(played.code, 0, played.output);
  assert.match(played.output, '/mode: \\"routed\\" becomes \\"nat\\"');
  assert.match(played.output, "gateway-04 has not met us yet");
  assert.equal(changed(played), [
    ["gateway-01", 1],
    ["gateway-04", 1],
  ]);
  assert.equal(await ask("gateway-01", "config"), wanted("gateway-01", 1));
  assert.ok(host("gateway-04").gateway.token, "nobody owns it");
});

example("trouble with one gateway is told with its name, leaves it as it was, and is none of the others'", async () => {
  broken.add("gateway-01"); // it tries what the run before has shown
  host("gateway-02").variables["scsigate_segments"] = [{ name: "seg0", ipv4: { address: "10.143.2.300/24" } }];
  // Another one of the authority for this address.
  for (const kind of ["pem", "key"]) cpSync(path(`tls/gateway-02.${kind}`), path(`tls/gateway-03.${kind}`));
  host("gateway-03").variables["scsigate_renew_certificate"] = true;
  rmSync(path("keys/gateway-03"));
  writeInventory();
  const stranger = host("gateway-04").gateway;
  write("first-setup.yml", {
    first_setup: { "gateway-04": { token: stranger.token, fingerprint: fingerprint(stranger).replace(/../, "zz") } },
  });
  assert.is.not(await shownBy("gateway-03"), await shownBy("gateway-02"));
  const played = await play("gateways.yml");
  assert.is(played.code, 2, played.output);
  assert.match(played.output, /gateway-01: .*it does not go.* is undone/);
  assert.match(played.output, /gateway-02: \/segments\/0\/ipv4\/address: /);
  assert.match(played.output, /gateway-04 shows a certificate .* does not vouch for/);
  assert.equal(
    Object.entries(played.recap).map(([name, { failed }]) => [name, failed]),
    [
      ["gateway-01", 1],
      ["gateway-02", 1],
      ["gateway-03", 0],
      ["gateway-04", 1],
    ],
  );
  assert.equal(await ask("gateway-01", "config"), wanted("gateway-01", 1));
  assert.is((await transaction("gateway-01")).state, "rolled-back");
  assert.equal(await ask("gateway-02", "config"), wanted("gateway-02", 2, "nat"));
  assert.is(await shownBy("gateway-03"), await shownBy("gateway-02"), "it is renewed");
  keys.set("gateway-03", tree.read("keys/gateway-03") ?? "");
  assert.equal(
    await ask("gateway-03", "config"),
    wanted("gateway-03", 3),
    "there is another key for the one that was lost",
  );
  assert.ok(stranger.token, "it was not told the token");
});

example("what the example has for its ten gateways are configurations", async () => {
  const secrets = ["-e", JSON.stringify(SECRETS)];
  // Not from where it is: there, its owner's vault may lie.
  for (const name of ["inventory.yml", "group_vars/gateways/main.yml"]) {
    mkdirSync(path("example/group_vars/gateways"), { recursive: true });
    cpSync(join(EXAMPLE, name), path(`example/${name}`));
  }
  const inventory = path("example/inventory.yml");
  const { output } = await run(
    "ansible",
    "-i",
    inventory,
    ...secrets,
    "-o",
    "-m",
    "debug",
    "-a",
    "var=scsigate_config",
    "all",
  );
  const documents = [...output.matchAll(/^(\S+) \| SUCCESS => (.*)$/gm)].map(([, name = "", text = ""]) => {
    const document = (JSON.parse(text) as { scsigate_config: { hostname: string } }).scsigate_config;
    const result = validate(document);
    assert.ok(result.valid, `${name}: ${canonical(result)}`);
    assert.is(document.hostname, name);
    return canonical(document);
  });
  assert.is(new Set(documents).size, 10, output);
});

example.run();
