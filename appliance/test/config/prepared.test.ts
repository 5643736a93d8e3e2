// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MIN_PASSWORD } from "../../src/api/schemas.ts";
import { type Prepared, readPrepared } from "../../src/config/prepared.ts";

const PASSWORD = "correct horse battery";
const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB5zC1MkfC3cUyDYIJlVDOhNJFVDI0xKgvGvTMgBqWoT me@desk";

const prepared = suite("scsigate.json");

function read(value: unknown): Prepared {
  const result = readPrepared(Buffer.from(typeof value === "string" ? value : JSON.stringify(value)));
  if (!result.valid) throw new Error(JSON.stringify(result.errors));
  return result.prepared;
}

/** Everything that is wrong, a line each. */
function wrong(value: unknown): string[] {
  const data = Buffer.isBuffer(value) ? value : Buffer.from(typeof value === "string" ? value : JSON.stringify(value));
  const result = readPrepared(data);
  if (result.valid) throw new Error("it was taken");
  for (const { nextStep } of result.errors) assert.ok(nextStep.length > 0);
  return result.errors.map(({ path, message }) => `${path}: ${message}`);
}

prepared("configuration, users and keys, each of them optional; a user is an administrator unless told", () => {
  assert.equal(read({ version: 1 }), { document: undefined, users: [], sshKeys: 0 });
  const whole = read({
    $schema: "https://scsigate.org/schema/prepare-1.json",
    version: 1,
    config: { version: 1, hostname: "gate" },
    users: [{ name: "me", password: PASSWORD }],
    sshKeys: [KEY],
  });
  assert.equal(whole.users, [{ name: "me", scope: "admin", password: PASSWORD }]);
  assert.equal(whole.document, { version: 1, hostname: "gate", ssh: { enabled: true, keys: [KEY] } });
  assert.is(whole.sshKeys, 1);
});

prepared("keys alone switch SSH on, beside those of the document, unless that says otherwise", () => {
  assert.equal(read({ version: 1, sshKeys: [KEY] }).document, { version: 1, ssh: { enabled: true, keys: [KEY] } });
  const config = { version: 1, ssh: { enabled: false, port: 2222, keys: [KEY] } };
  assert.equal(read({ version: 1, config, sshKeys: [KEY] }).document, config);
});

prepared("what Windows editors make of a text is fine: line ends, marks at the beginning, UTF-16", () => {
  const text = '{\r\n  "version": 1,\r\n  "config": { "version": 1, "hostname": "gate" }\r\n}\r\n';
  for (const data of [text, `\ufeff${text}`]) assert.is(read(data).document?.["hostname"], "gate");
  const wide = readPrepared(Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text, "utf16le")]));
  assert.ok(wide.valid);
});

prepared("an interface that is not there is no error: it may come later", () => {
  read({ version: 1, config: { version: 1, lan: { interface: "eth9" } } });
});

prepared("what is wrong is named by its pointer, all of it at once", () => {
  const errors = wrong({
    version: 1,
    config: { hostname: "not a name", lan: { ipv4: { method: "dchp" } } },
    users: [{ name: "me", password: "short" }, { password: PASSWORD }],
    sshkeys: [],
  });
  assert.equal(errors, [
    "/sshkeys: sshkeys is not a setting",
    "/users/0/password: the secret is too short: it takes 12 characters",
    "/users/1: name is missing",
    "/config: version is missing",
    '/config/hostname: "not a name" does not have the right form',
    '/config/lan/ipv4/method: "dchp" is none of: dhcp, static, none',
  ]);
});

prepared("without a version, or with one that is not known, it says so", () => {
  assert.equal(wrong({}), [": version is missing"]);
  assert.equal(wrong({ version: 2 }), ["/version: 2 is not allowed"]);
  assert.match(wrong({ version: 1, config: { version: 7 } })[0] ?? "", /^\/config\/version: .*form 7/);
});

prepared("users: one way to log in each, a name of their own, an administrator among them", () => {
  const hash = `scrypt$32768$8$1$${"a".repeat(22)}$${"b".repeat(43)}`;
  const users = [
    { name: "a", scope: "read" },
    { name: "b", scope: "read", password: PASSWORD, passwordHash: hash },
    { name: "a", scope: "read", passwordHash: hash },
  ];
  assert.equal(wrong({ version: 1, users }), [
    "/users/0: there is no password",
    "/users/1: there is a password and a hash as well",
    "/users/2/name: a is there twice",
    "/users: there would be no administrator",
  ]);
  for (const bad of ["$6$salt$hash", hash.replace("32768", "32767"), hash.replace("$8$", "$9$"), `${hash}x`]) {
    const [error = ""] = wrong({ version: 1, users: [{ name: "a", passwordHash: bad }] });
    assert.match(error, /^\/users\/0\/passwordHash: the secret does not have/);
    assert.not.match(error, bad);
  }
});

prepared("a text that is no JSON: where, and without a piece of it", () => {
  const [error = ""] = wrong(`{\n "version": 1,\n "users": [{ "name": "me", "password": "${PASSWORD}", }]\n}`);
  assert.is(error, ": this is not JSON: line 3, column 65");
  assert.equal(wrong('{ "version": 1'), [": this is not JSON: it ends too early"]);
  assert.equal(wrong("[]"), [": this is not an object"]);
  assert.equal(wrong(Buffer.from([0x7b, 0xe4, 0x7d])), [": this is not a text in UTF-8"]);
});

prepared("a key that lacks a part is told of before it locks somebody out", () => {
  const half = KEY.replace("qWoT", "");
  assert.match(wrong({ version: 1, sshKeys: [half] })[0] ?? "", /^\/config\/ssh\/keys\/0: the key is not whole/);
  assert.match(wrong({ version: 1, sshKeys: [`command="x" ${KEY}`] })[0] ?? "", /^\/sshKeys\/0: /);
  assert.match(wrong({ version: 1, config: { version: 1, ssh: { enabled: true } } })[0] ?? "", "/config/ssh/keys");
});

prepared("the schema for editors has the API's length of a password, and refers to the configuration's", () => {
  const file = join(import.meta.dirname, "../../schema/prepare.schema.json");
  const { properties } = JSON.parse(readFileSync(file, "utf8"));
  assert.is(properties.users.items.properties.password.minLength, MIN_PASSWORD);
  assert.is(properties.config.$ref, "config-1.json");
});

prepared.run();
