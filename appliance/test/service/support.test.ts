// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { runCli } from "../../src/cli/cli.ts";
import { socketClient, socketUpload } from "../../src/cli/client.ts";
import { SECRET_PATHS } from "../../src/config/schema.ts";
import { redactor } from "../../src/service/support.ts";
import { makeTar } from "../../src/shared/tar.ts";
import { startGateway, until } from "../support/gateway.ts";

/** What tar makes of an archive: text by name, without the folder. */
function unpack(archive: Buffer): Map<string, string> {
  const folder = mkdtempSync(join(tmpdir(), "scsigate-tar-"));
  writeFileSync(join(folder, "a.tar"), archive);
  execFileSync("tar", ["-xf", "a.tar"], { cwd: folder });
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
    /\.(txt|jsonl?)$/.test(name),
  );
  const files = new Map(names.map((name) => [name, readFileSync(join(folder, name), "utf8")]));
  rmSync(folder, { recursive: true });
  return files;
}

const support = suite("support archive");

support("tar reads what was written, of any length", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 1600 }), (bytes) => {
      const texts = { "a/first.txt": "x", "a/b/second.txt": Buffer.from(bytes).toString("latin1"), "empty.txt": "" };
      const files = Object.entries(texts).map(([name, text]) => ({ name, content: Buffer.from(text) }));
      assert.equal(Object.fromEntries(unpack(makeTar(files, 1_790_000_000_000))), texts);
    }),
    { numRuns: 10 },
  );
  assert.throws(() => makeTar([{ name: "x".repeat(101), content: Buffer.alloc(0) }], 0), /does not fit/);
});

support("property: no secret survives, alone, in JSON, or as a line", () => {
  const secret = fc.stringMatching(/^[!-~]{4,20}$/);
  fc.assert(
    fc.property(fc.array(secret, { minLength: 1, maxLength: 4 }), fc.string(), (secrets, around) => {
      const hide = redactor(secrets);
      for (const one of secrets) {
        assert.not.ok(hide(`${around}${one}${around}`).replaceAll("(secret)", "").includes(one), one);
        assert.not.ok(hide(JSON.stringify({ one })).includes(JSON.stringify(one).slice(1, -1)), one);
      }
    }),
  );
});

const pem = String(
  generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ type: "pkcs8", format: "pem" }),
);
const CONFIG = {
  version: 1,
  hostname: "gateway",
  chap: {
    ...{ user: "stations", password: "correct-horse-1" },
    ...{ gatewayUser: "gateway", gatewayPassword: "battery-staple-1" },
  },
  mesh: { key: "a-key-of-the-mesh-1234" },
  mqtt: { username: "me", password: 'hush "quoted" hush', tls: { certificate: "", key: pem } },
  snmp: { community: "who-may-ask" },
  update: { fleet: { targetToken: "token-of-this-one", gatewayToken: "token-of-all-of-them" } },
};

support("it has all that helps, and no secret of any kind anywhere", async () => {
  const { certificate } = { certificate: readFileSync(certificateOf(pem), "utf8") };
  const config = { ...CONFIG, mqtt: { ...CONFIG.mqtt, tls: { certificate, key: pem } } };
  const leaking = { content: "" };
  const gateway = await startGateway({ config, inspect: () => [{ name: "nft.txt", content: leaking.content }] });
  const call = socketClient(join(gateway.tree.root, "control.sock"));
  await until("first plan", () => gateway.plans.length > 0);

  const stored = JSON.parse(readFileSync(join(gateway.tree.root, "data/secrets.json"), "utf8")) as object;
  const tlsKey = readFileSync(join(gateway.tree.root, "data/tls/server.pem"), "utf8").split("-----BEGIN CERT")[0] ?? "";
  const token = gateway.token;
  assert.ok(token.length > 10);
  const secrets = [...(Object.values(stored) as string[]), tlsKey, token];
  assert.is(Object.keys(stored).length, SECRET_PATHS.length, "the test's document sets every secret that there is");
  const whole = secrets.flatMap((secret) => [secret, JSON.stringify(secret)]);
  // As if a program had printed them all, and the log had them.
  leaking.content = `table inet scsigate\n${whole.join("\n")}\n${secrets.join("\n").split("\n").join("\n  indented ")}\n`;
  gateway.logs.write(JSON.stringify({ level: "info", msg: `leaked ${whole.join(" ")}` }));

  const answer = await call("GET", "/api/v1/system/support");
  assert.is(answer.status, 200);
  const files = unpack(gunzipSync(answer.body));
  const names = [...files.keys()].map((name) => name.replace(/^[^/]+\//, ""));
  for (const name of ["about.json", "status.json", "config.json", "adapters.json", "log.jsonl", "machine/nft.txt"]) {
    assert.ok(names.includes(name), `${name} is missing: ${names.join(" ")}`);
  }
  const all = [...files.values()].join("\n");
  assert.match(all, "table inet scsigate");
  assert.match(all, "stations", "names are there");
  const parts = secrets.flatMap((secret) =>
    secret
      .trim()
      .split("\n")
      .filter((line) => !line.startsWith("-----")),
  );
  for (const part of [...parts, ...parts.map((line) => JSON.stringify(line).slice(1, -1))]) {
    assert.not.ok(all.includes(part), `${part.slice(0, 12)}... is in it`);
  }

  const written = new Map<string, Buffer>();
  const said: string[] = [];
  const upload = socketUpload(join(gateway.tree.root, "control.sock"));
  const world = {
    call,
    upload,
    version: () => "1.2.3",
    pause: async () => {},
    out: (text: string) => said.push(text),
    err: () => {},
    read: () => "",
    login: async () => {},
  };
  assert.is(await runCli(["support", "x.tar.gz"], { ...world, write: (file, data) => written.set(file, data) }), 0);
  assert.ok(unpack(gunzipSync(written.get("x.tar.gz") ?? Buffer.alloc(0))).size >= names.length);
  await gateway.stop();
});

/** A certificate for the key, in a file. */
function certificateOf(key: string): string {
  const folder = mkdtempSync(join(tmpdir(), "scsigate-crt-"));
  writeFileSync(join(folder, "key.pem"), key);
  const args = ["req", "-x509", "-key", "key.pem", "-out", "c.pem", "-subj", "/CN=x", "-days", "10"];
  execFileSync("openssl", args, { cwd: folder, stdio: "ignore" });
  return join(folder, "c.pem");
}

support("without the executor, there is the rest", async () => {
  const inspect = () => {
    throw new Error("the executor does not answer");
  };
  const gateway = await startGateway({ inspect });
  const call = socketClient(join(gateway.tree.root, "control.sock"));
  const files = unpack(gunzipSync((await call("GET", "/api/v1/system/support")).body));
  const missing = [...files].find(([name]) => name.endsWith("machine/missing.txt"));
  assert.match(missing?.[1] ?? "", "the executor does not answer");
  assert.ok([...files.keys()].some((name) => name.endsWith("status.json")));
  await gateway.stop();
});

support.run();
