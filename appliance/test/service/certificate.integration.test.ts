// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type TLSSocket } from "node:tls";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { CertificateInfo } from "../../src/api/certificate.ts";
import { socketClient } from "../../src/cli/client.ts";
import { checkTls } from "../../src/service/http/certificate.ts";
import { Certificates, TLS_FILE } from "../../src/service/http/tls.ts";
import { systemClock } from "../../src/shared/clock.ts";
import { runCommand } from "../../src/shared/commands.ts";
import { toProblem } from "../../src/shared/errors.ts";
import { silentLogger } from "../../src/shared/log.ts";
import { startGateway, type TestGateway, until } from "../support/gateway.ts";

interface Pair {
  key: string;
  certificate: string;
}

/** Keys and certificates of every kind, made once. */
const folder = mkdtempSync(join(tmpdir(), "scsigate-tls-"));
const path = (name: string): string => join(folder, name);
const openssl = (...args: string[]): void => {
  execFileSync("openssl", args, { stdio: "ignore" });
};
const EC = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

function selfSigned(name: string, options: string[] = [], key: string[] = EC): Pair {
  const files = ["-keyout", path(`${name}.key`), "-out", path(`${name}.crt`)];
  openssl("req", "-x509", ...key, ...files, "-subj", `/CN=${name}`, ...options);
  return pair(name);
}

function pair(name: string): Pair {
  return { key: readFileSync(path(`${name}.key`), "utf8"), certificate: readFileSync(path(`${name}.crt`), "utf8") };
}

/** A certificate that another one issues. */
function issued(name: string, by: string, extensions: string): Pair {
  writeFileSync(path(`${name}.ext`), extensions);
  openssl("req", "-new", ...EC, "-keyout", path(`${name}.key`), "-out", path(`${name}.csr`), "-subj", `/CN=${name}`);
  const authority = ["-CA", path(`${by}.crt`), "-CAkey", path(`${by}.key`), "-CAcreateserial"];
  const files = ["-in", path(`${name}.csr`), "-out", path(`${name}.crt`), "-extfile", path(`${name}.ext`)];
  openssl("x509", "-req", ...files, ...authority, "-days", "90");
  return pair(name);
}

const SERVER = "basicConstraints=critical,CA:false\nextendedKeyUsage=serverAuth\nsubjectAltName=DNS:gw.example\n";
const own = selfSigned("own", ["-days", "90", "-addext", "basicConstraints=critical,CA:false"]);
const other = selfSigned("other", ["-days", "90", "-addext", "basicConstraints=critical,CA:false"]);
const root = selfSigned("root", ["-days", "365"]);
const middle = issued("middle", "root", "basicConstraints=critical,CA:true\n");
const leaf = issued("leaf", "middle", SERVER);
const client = issued("client", "root", "basicConstraints=critical,CA:false\nextendedKeyUsage=clientAuth\n");
const soon = selfSigned("soon", ["-days", "8", "-addext", "basicConstraints=critical,CA:false"]);
const weak = selfSigned("weak", ["-days", "90"], ["-newkey", "rsa:1024", "-nodes"]);
const edwards = selfSigned("edwards", ["-days", "90"], ["-newkey", "ed25519", "-nodes"]);
openssl("ec", "-in", path("own.key"), "-out", path("locked.key"), "-aes128", "-passout", "pass:hush");
const locked = readFileSync(path("locked.key"), "utf8");
openssl("pkcs8", "-topk8", "-in", path("own.key"), "-out", path("locked8.key"), "-passout", "pass:hush");
const chain = leaf.certificate + middle.certificate;

const NOW = Date.now();
const DAY_MS = 24 * 3600 * 1000;

const checks = suite("a key and its certificates");

checks("a pair that fits is taken, whatever stands around it", () => {
  const checked = checkTls({ key: own.key, certificate: `Bag Attributes\n${own.certificate}\nmore text` }, NOW);
  assert.is(new X509Certificate(checked.certificate).subject, "CN=own");
  assert.not.match(checked.certificate, "Bag");
  assert.ok(checkTls({ key: leaf.key, certificate: chain }, NOW));
  assert.ok(checkTls({ key: leaf.key, certificate: chain + root.certificate }, NOW));
});

const WRONG: [string, Pair, string, number?][] = [
  ["no certificate", { key: own.key, certificate: "" }, "there is no certificate in PEM form"],
  ["a key in its place", { key: own.key, certificate: own.key }, "there is no certificate in PEM form"],
  ["half a certificate", { ...own, certificate: own.certificate.slice(0, 300) }, "certificate 1 cannot be read"],
  [
    "a changed certificate",
    { ...own, certificate: own.certificate.replace(/\n[^-\n]{20}/, `\n${"A".repeat(20)}`) },
    "certificate 1 cannot be read",
  ],
  ["no key", { ...own, key: "" }, "the key cannot be read"],
  ["half a key", { ...own, key: own.key.slice(0, 120) }, "the key cannot be read"],
  ["a certificate in its place", { ...own, key: own.certificate }, "the key cannot be read"],
  ["a locked key", { ...own, key: locked }, "the key is locked with a passphrase"],
  ["a locked key in PKCS #8", { ...own, key: readFileSync(path("locked8.key"), "utf8") }, "the key is locked"],
  ["a key of another certificate", { ...own, key: other.key }, "the key does not fit the certificate"],
  [
    "a chain in wrong order",
    { key: leaf.key, certificate: middle.certificate + leaf.certificate },
    "the key fits certificate 2, not the first one",
  ],
  [
    "a chain with a stranger",
    { key: leaf.key, certificate: leaf.certificate + other.certificate },
    "certificate 2 (CN=other) did not issue certificate 1",
  ],
  [
    "a chain with a gap",
    { key: leaf.key, certificate: leaf.certificate + root.certificate },
    "certificate 2 (CN=root) did not issue certificate 1",
  ],
  ["too many", { key: own.key, certificate: own.certificate.repeat(9) }, "more than 8 certificates"],
  ["one that has ended", own, "certificate 1 ended on", NOW + 91 * DAY_MS],
  ["one that does not hold yet, or a clock that is wrong", own, "certificate 1 holds from", 0],
  ["an issuer that has ended", { key: leaf.key, certificate: chain }, "certificate 1 ended on", NOW + 100 * DAY_MS],
  ["an authority", root, "this is the certificate of an authority"],
  ["one for clients", client, "the certificate is not for servers"],
  ["a short RSA key", weak, "an RSA key of 1024 bits is too short"],
  ["a key that browsers do not take", edwards, "browsers take no key of type ed25519"],
];

for (const [name, material, expected, now = NOW] of WRONG) {
  checks(`${name} is refused in words, without a part of the key`, () => {
    try {
      checkTls(material, now);
    } catch (error) {
      const { code, message, nextStep } = toProblem(error);
      assert.is(code, "certificate-invalid");
      assert.ok(message.startsWith(expected), message);
      assert.ok(nextStep.length > 10);
      for (const line of material.key.split("\n").filter((text) => text.length > 30)) {
        assert.not.ok(`${message} ${nextStep}`.includes(line));
      }
      return;
    }
    assert.unreachable("it was taken");
  });
}

checks.run();

/** The certificate that a client sees. */
function seen(port: number): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port, rejectUnauthorized: false }, () => resolve(socket));
    socket.on("error", reject);
  });
}

async function fingerprint(port: number): Promise<string> {
  const socket = await seen(port);
  const { fingerprint256 } = socket.getPeerCertificate();
  socket.destroy();
  return fingerprint256;
}

const page = suite<{ gateway: TestGateway; call: ReturnType<typeof socketClient> }>("the page's certificate");
page.before.each(async (context) => {
  context.gateway = await startGateway({ config: { version: 1, hostname: "gw" } });
  context.call = socketClient(join(context.gateway.tree.root, "control.sock"));
});
page.after.each(({ gateway }) => gateway.stop());

const PATH = "/api/v1/system/certificate";

page("the gateway's own one names it, and is kept over a restart", async ({ gateway, call }) => {
  const info = (await call("GET", PATH)).json as CertificateInfo;
  assert.equal([info.subject, info.selfSigned, info.chainLength], ["CN=gw", true, 1]);
  assert.equal(info.names, ["DNS:gw", "DNS:gw.local"]);
  assert.ok(info.daysLeft > 7000);
  assert.is(await fingerprint(gateway.service.ports.https), info.fingerprint);
  const file = join(gateway.tree.root, "data", TLS_FILE);
  assert.is(statSync(file).mode & 0o777, 0o600);
  const before = readFileSync(file, "utf8");
  await gateway.service.stop();
  await gateway.service.start();
  assert.is(readFileSync(file, "utf8"), before);
});

page("another one is used from the next connection on; open ones stay; what it had is not told", async (context) => {
  const { gateway, call } = context;
  const { https } = gateway.service.ports;
  const open = await seen(https);
  const answer = await call("PUT", PATH, { key: leaf.key, certificate: chain });
  assert.is(answer.status, 200, JSON.stringify(answer.json));
  const info = answer.json as CertificateInfo;
  assert.equal([info.subject, info.issuer, info.chainLength], ["CN=leaf", "CN=middle", 2]);
  assert.equal([info.names, info.selfSigned], [["DNS:gw.example"], false]);
  assert.is(await fingerprint(https), info.fingerprint);
  open.write("GET /version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const text = await new Promise<string>((resolve) => open.once("data", (data: Buffer) => resolve(data.toString())));
  assert.match(text, /^HTTP\/1\.1 200/);
  open.destroy();
  const secret = leaf.key.split("\n")[1] ?? "";
  assert.not.match(JSON.stringify(gateway.logs.last(500)), secret);
  assert.not.match(JSON.stringify((await call("GET", PATH)).json), secret);
  await gateway.service.stop();
  await gateway.service.start();
  assert.is(await fingerprint(gateway.service.ports.https), info.fingerprint, "after a restart, too");
});

page("one that cannot be used changes nothing", async ({ gateway, call }) => {
  const before = await fingerprint(gateway.service.ports.https);
  const refused = await call("PUT", PATH, { key: other.key, certificate: own.certificate });
  assert.is(refused.status, 422);
  assert.is((refused.json as { code: string }).code, "certificate-invalid");
  assert.is((await call("PUT", PATH, { certificate: own.certificate })).status, 422);
  assert.is(await fingerprint(gateway.service.ports.https), before);
});

page("the gateway makes a new one when asked, with a new key", async ({ gateway, call }) => {
  const before = await fingerprint(gateway.service.ports.https);
  const info = (await call("POST", `${PATH}/regenerate`)).json as CertificateInfo;
  assert.is.not(info.fingerprint, before);
  assert.is(await fingerprint(gateway.service.ports.https), info.fingerprint);
  const { body } = await gateway.get(`${PATH}/pem`);
  const pem = new X509Certificate(body);
  assert.is(pem.fingerprint256, info.fingerprint);
  assert.not.match(body, "PRIVATE");
  const der = createHash("sha256").update(pem.raw).digest("hex");
  assert.is(info.fingerprint.replaceAll(":", "").toLowerCase(), der);
});

page("a certificate that ends within a month is a reason to be degraded", async ({ gateway, call }) => {
  await call("PUT", PATH, soon);
  const reasons = async () => {
    const { json } = await call("GET", "/health");
    return (json as { reasons: { code: string; message: string }[] }).reasons;
  };
  await until("it is told", async () => (await reasons()).some(({ code }) => code === "certificate-ends"));
  await call("PUT", PATH, own);
  await until("it is over", async () => (await reasons()).every(({ code }) => code !== "certificate-ends"));
  assert.ok(gateway.plans.length > 0);
});

page.run();

const store = suite("where the certificate is kept");

store("a pair that cannot be stored is taken back from the page, and the old one stays", async () => {
  const data = mkdtempSync(join(tmpdir(), "scsigate-tls-"));
  const clock = systemClock;
  const certificates = new Certificates({ data, scratch: tmpdir(), run: runCommand, clock, log: silentLogger() });
  const first = await certificates.open("gw");
  const used: string[] = [];
  certificates.attach(({ certificate }) => used.push(certificate));
  // What stands in the way also stops root: a folder of the name that the new file gets.
  execFileSync("mkdir", [join(data, `${TLS_FILE}.new`)]);
  writeFileSync(join(data, `${TLS_FILE}.new`, "x"), "");
  const problem = await certificates.replace(own).catch(toProblem);
  assert.is("code" in problem && problem.code, "data-unwritable");
  assert.equal(
    used.map((pem) => new X509Certificate(pem).subject),
    ["CN=own", "CN=gw"],
  );
  assert.is(certificates.pem, first.certificate);
  rmSync(join(data, `${TLS_FILE}.new`), { recursive: true });
  assert.is((await certificates.replace(own)).subject, "CN=own", "and works again");
  rmSync(data, { recursive: true });
});

store("a damaged file gives way to a new key", async () => {
  const data = mkdtempSync(join(tmpdir(), "scsigate-tls-"));
  const clock = systemClock;
  const open = () =>
    new Certificates({ data, scratch: tmpdir(), run: runCommand, clock, log: silentLogger() }).open("gw");
  const first = await open();
  const file = join(data, TLS_FILE);
  assert.equal(await open(), first);
  for (const text of ["", first.key, own.key + first.certificate, readFileSync(file, "utf8").slice(0, 400)]) {
    writeFileSync(file, text);
    const next = await open();
    assert.ok(next.key.includes("PRIVATE KEY"));
    assert.equal(await open(), next);
  }
  rmSync(data, { recursive: true });
});

store(
  "where the disk takes no key, there is a page with one that is gone after a restart, and this is told",
  async () => {
    const data = mkdtempSync(join(tmpdir(), "scsigate-tls-"));
    const clock = systemClock;
    const make = () => new Certificates({ data, scratch: tmpdir(), run: runCommand, clock, log: silentLogger() });
    // Stops root as well: a file where the folder is to be.
    writeFileSync(join(data, "tls"), "");
    const first = make();
    assert.match((await first.open("gw")).key, "PRIVATE KEY");
    assert.is(first.problem?.code, "certificate-unsaved");
    assert.is(readFileSync(join(data, "tls"), "utf8"), "");
    rmSync(join(data, "tls"));
    first.attach(() => {});
    await first.replace(own);
    assert.is(first.problem?.code, undefined, "and is over when one was stored");
    rmSync(data, { recursive: true });
  },
);

store("a key that cannot be read now is not written over: it may be its owner's", async () => {
  const data = mkdtempSync(join(tmpdir(), "scsigate-tls-"));
  const clock = systemClock;
  mkdirSync(join(data, TLS_FILE), { recursive: true }); // EISDIR
  const certificates = new Certificates({ data, scratch: tmpdir(), run: runCommand, clock, log: silentLogger() });
  await certificates.open("gw");
  assert.match(certificates.problem?.message ?? "", "cannot be read");
  assert.ok(statSync(join(data, TLS_FILE)).isDirectory());
  rmSync(data, { recursive: true });
});

store("a certificate that has ended is still used after a restart: better than no page", async () => {
  const data = mkdtempSync(join(tmpdir(), "scsigate-tls-"));
  const early = new Certificates({ data, scratch: tmpdir(), run: runCommand, clock: systemClock, log: silentLogger() });
  await early.open("gw");
  early.attach(() => {});
  await early.replace(own);
  const clock = { ...systemClock, now: () => NOW + 200 * DAY_MS };
  const late = new Certificates({ data, scratch: tmpdir(), run: runCommand, clock, log: silentLogger() });
  await late.open("gw");
  assert.is(late.info.subject, "CN=own");
  assert.match(late.problem?.message ?? "", "ended on");
  assert.ok(late.info.daysLeft < 0);
  rmSync(data, { recursive: true });
});

store.after(() => rmSync(folder, { recursive: true }));
store.run();
