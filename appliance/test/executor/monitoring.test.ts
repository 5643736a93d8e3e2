// SPDX-License-Identifier: Apache-2.0
// SNMP and LLDP: what snmpd and lldpd are given, and when they are started anew.
import { statSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { setLldp } from "../../src/executor/operations/lldp.ts";
import { renderSnmpd, setSnmp } from "../../src/executor/operations/snmp.ts";
import type { LldpOperation, SnmpOperation } from "../../src/protocol/operations.ts";
import { PATHS, type TestExecutor, testExecutor } from "../support/executor.ts";

const SAID = { hostname: "gateway", version: "1.2.3" };
const SNMP: Required<SnmpOperation> = { kind: "snmp", community: "s3cret", location: "", contact: "", ...SAID };
const LLDP: Required<LldpOperation> = { kind: "lldp", port: "eth0", face: "scsibr0", ...SAID };

const monitoring = suite<{ executor: TestExecutor }>("SNMP and LLDP");
monitoring.before.each((context) => {
  context.executor = testExecutor();
});
monitoring.after.each(({ executor }) => executor.tree.dispose());

monitoring("snmpd is told who may ask, to read only; what is empty is left out", () => {
  const text = renderSnmpd({ ...SNMP, contact: "ops@example.org" }, PATHS);
  assert.match(text, '\nrocommunity "s3cret"\nrocommunity6 "s3cret"\n');
  assert.match(text, "\nsysContact ops@example.org\n");
  assert.not.match(text, /sysLocation|rwcommunity/);
});

monitoring(
  "snmpd runs while there is a community, anew after each change; nothing of it is left",
  async ({ executor }) => {
    const { context, commands, running, tree } = executor;
    const started = () => commands.filter((command) => command.startsWith("snmpd")).length;
    assert.is(await setSnmp(SNMP, context), true);
    tree.write({ "run/scsigate/snmpd.pid": 4711 });
    running.set("run/scsigate/snmpd.pid", join(tree.root, "run/scsigate/snmpd.conf"));
    assert.is(statSync(join(tree.root, "run/scsigate/snmpd.conf")).mode & 0o777, 0o600);
    assert.is(await setSnmp(SNMP, context), false);
    assert.is(await setSnmp({ ...SNMP, location: "rack 3" }, context), true);
    assert.is(started(), 2);
    const { community: _, ...off } = SNMP;
    assert.is(await setSnmp(off, context), true);
    assert.is(tree.exists("run/scsigate/snmpd.conf"), false);
    assert.is(await setSnmp(off, context), false);
  },
);

monitoring(
  "lldpd says it on the port with the cable, and is started anew when that is another one",
  async ({ executor }) => {
    const { context, commands, running, tree } = executor;
    const started = () => commands.filter((command) => command.startsWith("lldpd"));
    assert.is(await setLldp(LLDP, context), true);
    tree.write({ "run/lldpd.pid": 4712 });
    running.set("run/lldpd.pid", "lldpd: monitor.");
    assert.match(tree.read("run/scsigate/lldpd.conf") ?? "", 'pattern "scsibr0"\nconfigure lldp status tx-only');
    assert.is(await setLldp(LLDP, context), false);
    assert.is(await setLldp({ ...LLDP, port: "eth1" }, context), true);
    assert.equal(
      started().map((command) => /-I (\S+)/.exec(command)?.[1]),
      ["eth0", "eth1"],
    );
    const { port: _, ...off } = LLDP;
    assert.is(await setLldp(off, context), true);
    assert.is(await setLldp(off, context), false);
  },
);

monitoring.run();
