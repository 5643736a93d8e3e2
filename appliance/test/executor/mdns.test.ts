// SPDX-License-Identifier: Apache-2.0
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { validateRequest } from "#request-validator";
import { renderAvahi, renderServices, setMdns } from "../../src/executor/operations/mdns.ts";
import type { MdnsOperation } from "../../src/protocol/operations.ts";
import { ScsigateError } from "../../src/shared/errors.ts";
import { type TestExecutor, testExecutor } from "../support/executor.ts";

const START = "avahi-daemon -f /run/scsigate/avahi/avahi-daemon.conf --no-chroot -D";
const PID = "run/avahi-daemon/pid";

function operation(change: Partial<MdnsOperation> = {}): MdnsOperation {
  const ports = { http: 80, https: 443 };
  const what = { hostname: "gateway", interfaces: ["eth0"], ports, id: "525400123456", version: "1.2.3" };
  return { kind: "mdns", ...what, ...change };
}

const mdns = suite<{ test: TestExecutor }>("mDNS");
mdns.before.each((context) => {
  context.test = testExecutor();
});
mdns.after.each(({ test }) => test.tree.dispose());

mdns("it answers for the host name, on the interfaces it was given, and repeats nothing from one to another", () => {
  const lines = renderAvahi(operation({ interfaces: ["eth0", "eth1"] })).split("\n");
  for (const line of [
    "host-name=gateway",
    "allow-interfaces=eth0,eth1",
    "enable-dbus=no",
    "enable-reflector=no",
    "publish-workstation=no",
  ])
    assert.ok(lines.includes(line), line);
});

mdns("the page is a service, with its port and what tells this gateway from others", () => {
  const text = renderServices(operation({ ports: { http: 8080, https: 8443 } }));
  assert.match(text, /<type>_https\._tcp<\/type>\s*<port>8443<\/port>/);
  assert.match(text, /<type>_http\._tcp<\/type>\s*<port>8080<\/port>/);
  for (const record of ["path=/", "product=scsigate", "version=1.2.3", "id=525400123456"])
    assert.is(text.split(`<txt-record>${record}</txt-record>`).length, 3, record);
});

mdns("it is started once, and again when it died or something changed", async ({ test: { context, ...test } }) => {
  assert.is(await setMdns(operation(), context), true);
  assert.equal(test.commands, [START]);
  test.running.set(PID, "avahi-daemon: running [gateway.local]");
  assert.is(await setMdns(operation(), context), false);
  assert.is(await setMdns(operation({ hostname: "renamed" }), context), true);
  assert.is(await setMdns(operation({ hostname: "renamed", version: "1.2.4" }), context), true);
  assert.equal(test.commands, [START, "stop 4711", START, "stop 4711", START]);
  test.running.clear();
  test.tree.write({ [PID]: 4711 });
  assert.is(await setMdns(operation({ hostname: "renamed", version: "1.2.4" }), context), true);
  assert.not(test.tree.exists(PID), "what one that was killed has left is in the way of the next");
});

mdns("another program's number in the pid file is not ours", async ({ test: { context, commands, running } }) => {
  await setMdns(operation(), context);
  running.set(PID, "not-avahi-daemon: running");
  assert.is(await setMdns(operation({ hostname: "renamed" }), context), true);
  assert.equal(commands, [START, START]);
});

mdns("switched off it ends, and takes its files along; what never ran is let alone", async ({ test }) => {
  const off = operation({ interfaces: [] });
  test.running.set(PID, "avahi-daemon: running [somebody.local]");
  assert.is(await setMdns(off, test.context), false);
  assert.equal(test.commands, []);
  await setMdns(operation(), test.context);
  test.commands.length = 0;
  assert.is(await setMdns(off, test.context), true);
  assert.equal(test.commands, ["stop 4711"]);
  for (const name of ["avahi-daemon.conf", "scsigate.service"])
    assert.not(test.tree.exists(`run/scsigate/avahi/${name}`));
  assert.is(await setMdns(off, test.context), false);
});

mdns("without the program nothing fails; one that does not start does", async ({ test: { context } }) => {
  const missing = new ScsigateError("command-missing", "avahi-daemon is not installed", "Install it.");
  context.run = () => Promise.reject(missing);
  assert.is(await setMdns(operation(), context), false);
  assert.is(await setMdns(operation(), context), false);
  context.run = () => Promise.reject(new ScsigateError("command-failed", "no user avahi", "Look."));
  await setMdns(operation(), context).then(
    () => assert.unreachable(),
    (error: unknown) => assert.match(String(error), "no user avahi"),
  );
});

mdns("what could be another setting or element is refused", () => {
  const valid = (change: Partial<MdnsOperation>): boolean => {
    const plan = { groups: [{ name: "mdns", operations: [operation(change)] }] };
    return validateRequest({ type: "apply", id: 1, plan }) as boolean;
  };
  assert.ok(valid({ version: "1.2.3-rc.1+g0123456", interfaces: [] }));
  for (const hostname of ["a b", "a\nenable-dbus=yes", "", "a.b", "-a"]) assert.not(valid({ hostname }), hostname);
  for (const version of ["<a>", "1 2", "&amp;", ""]) assert.not(valid({ version }), version);
  for (const id of ["", "5254001234567", "<b>"]) assert.not(valid({ id }), id);
  assert.not(valid({ interfaces: ["eth0\n[server]"] }));
});

mdns.run();
