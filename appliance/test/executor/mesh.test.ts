// SPDX-License-Identifier: Apache-2.0
// BIRD's configuration as BIRD itself reads it, and how the executor looks after the program.
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { validateRequest } from "#request-validator";
import { Executor } from "../../src/executor/executor.ts";
import { readMesh, renderBird, setMesh, setTunnel, stopMesh } from "../../src/executor/operations/mesh.ts";
import type { MeshOperation } from "../../src/protocol/operations.ts";
import { PATHS, testExecutor } from "../support/executor.ts";

const KEY = "0123456789abcdef#;{}'\\";

function operation(change: Partial<MeshOperation> = {}): MeshOperation {
  return {
    kind: "mesh",
    routerId: "1.2.3.4",
    key: KEY,
    lan: ["eth0"],
    tunnels: ["mesh0a090001"],
    segments: [
      { interface: "seg0", subnet: "10.143.0.1/24", prefix6: "fd12:0:0:1::/64" },
      { interface: "seg1-br", subnet: "10.143.1.1/24" },
    ],
    reserved: ["192.168.77.2/24", "fd77:0:0:0::/64"],
    peers: ["10.9.0.1"],
    accept: ["203.0.113.0/24", "2001:db8:7::/48"],
    ...change,
  };
}

const OPERATIONS: Record<string, MeshOperation> = {
  everything: operation(),
  "the least": operation({ lan: [], tunnels: [], segments: [], reserved: [], peers: [], accept: [] }),
  "no IPv6": operation({ segments: [{ interface: "seg0", subnet: "10.143.0.1/24" }] }),
  "tunnels but no segment": operation({ segments: [] }),
};

const mesh = suite("mesh");
const possible = spawnSync("bird", ["--version"]).status === 0;

for (const [name, one] of Object.entries(OPERATIONS)) {
  (possible ? mesh : mesh.skip)(`${name}: BIRD takes what is written for it`, () => {
    const test = testExecutor();
    const file = join(test.tree.root, "bird.conf");
    writeFileSync(file, renderBird(one, test.context.paths));
    const { status, stderr } = spawnSync("bird", ["-p", "-c", file], { encoding: "utf8" });
    assert.is(status, 0, stderr);
    test.tree.dispose();
  });
  mesh(`${name}: the executor takes the request`, () => {
    const plan = { groups: [{ name: "mesh", operations: [one] }] };
    assert.ok(validateRequest({ type: "apply", id: 1, plan }), JSON.stringify(validateRequest.errors));
  });
}

const REFUSED: Record<string, Partial<MeshOperation>> = {
  "a quote in the key": { key: '0123456789abcdef"' },
  "a line end in the key": { key: "0123456789abcdef\n" },
  "a short key": { key: "0123456789" },
  "a command as accepted network": { accept: ["10.0.0.0/8 ]; }"] },
  "an interface with a quote": { lan: ['eth0"'] },
  "a tunnel of another name": { tunnels: ["eth0"] },
};
for (const [what, change] of Object.entries(REFUSED)) {
  mesh(`${what} is refused`, () => {
    const plan = { groups: [{ name: "mesh", operations: [operation(change)] }] };
    assert.not(validateRequest({ type: "apply", id: 1, plan }));
  });
}

mesh("nothing that is ours, the LAN's or on the way to a tunnel's end is taken, nor anything public", () => {
  const text = renderBird(operation(), PATHS);
  assert.match(text, "if net ~ [ 10.143.0.0/24+, 10.143.1.0/24+, 192.168.77.0/24+, 10.9.0.1/32- ] then reject;");
  assert.match(text, "10.0.0.0/8{16,30}, 172.16.0.0/12{16,30}, 192.168.0.0/16{16,30}, 203.0.113.0/24+ ] then accept;");
  assert.match(text, "if net ~ [ fd12:0:0:1::/64+, fd77:0:0:0::/64+ ] then reject;");
  assert.match(text, "if net ~ [ fc00::/7{48,64}, 2001:db8:7::/48+ ] then accept;");
});

const RUNNING = ["run/scsigate/bird/bird.pid", "/run/scsigate/bird.conf"] as const;

function running(test: ReturnType<typeof testExecutor>): void {
  test.running.set(RUNNING[0], join(test.tree.root, RUNNING[1]));
}

mesh("it is checked, started, left alone, told of a change, and started again after it died", async () => {
  const test = testExecutor();
  const pending = "/run/scsigate/bird.conf.pending";
  const check = [`chown root:bird ${pending}`, `bird -p -c ${pending}`];
  const program =
    "bird -u bird -g bird -c /run/scsigate/bird.conf -s /run/scsigate/bird.ctl -P /run/scsigate/bird/bird.pid";
  const start = ["chown bird:bird /run/scsigate/bird", program];
  const commands = () => test.commands.splice(0);
  assert.ok(await setMesh(operation(), test.context));
  assert.equal(commands(), [...check, ...start]);
  running(test);
  assert.not(await setMesh(operation(), test.context));
  assert.equal(commands(), []);
  assert.ok(await setMesh(operation({ accept: [] }), test.context));
  const configure = `birdcl -s /run/scsigate/bird.ctl configure "${pending}"`;
  assert.equal(commands(), [...check, configure]);
  test.running.clear();
  assert.ok(await setMesh(operation({ accept: [] }), test.context));
  assert.equal(commands(), start);
  test.tree.dispose();
});

mesh("what BIRD does not take does not replace what it runs with", async () => {
  const test = testExecutor();
  await setMesh(operation(), test.context);
  running(test);
  const before = test.tree.read("run/scsigate/bird.conf");
  const { run } = test.context;
  test.context.run = async (file, args, options) => {
    if (args.includes("-p")) throw new Error("syntax error");
    return run(file, args, options);
  };
  test.commands.length = 0;
  try {
    await setMesh(operation({ accept: [] }), test.context);
    assert.unreachable();
  } catch (error) {
    assert.match(String(error), "syntax error");
  }
  assert.is(test.tree.read("run/scsigate/bird.conf"), before);
  assert.not.match(test.commands.join(), "birdcl");
  test.tree.dispose();
});

mesh("it is stopped with its routes, and the file with the key goes", async () => {
  const test = testExecutor();
  assert.not(await stopMesh(test.context), "there was none");
  await setMesh(operation(), test.context);
  running(test);
  test.commands.length = 0;
  assert.ok(await stopMesh(test.context));
  assert.equal(test.commands, ["stop 4711", "ip -4 route flush proto bird", "ip -6 route flush proto bird"]);
  assert.not(test.tree.exists("run/scsigate/bird.conf"));
  test.tree.dispose();
});

mesh("the key is not in the log, and nobody but root and BIRD can read the file that has it", async () => {
  const test = testExecutor();
  const said: unknown[] = [];
  const log = {
    ...test.context.log,
    info: (entry: unknown) => said.push(entry),
    error: (entry: unknown) => said.push(entry),
  };
  const executor = new Executor({ ...test.context, log } as typeof test.context, () => {});
  const plan = { groups: [{ name: "mesh", operations: [operation()] }] };
  await new Promise<void>((resolve) => executor.handle({ type: "apply", id: 1, plan }, () => resolve()));
  assert.is(said.length, 1);
  assert.not.match(JSON.stringify(said), KEY.slice(0, 16));
  const { stdout } = spawnSync("stat", ["-c", "%a", join(test.tree.root, RUNNING[1])], { encoding: "utf8" });
  assert.is(stdout.trim(), "640"); // its group is BIRD's
  test.tree.dispose();
});

mesh("a tunnel is made once, and made whole when it was left half way", async () => {
  const test = testExecutor();
  const tunnel = { kind: "tunnel", name: "mesh0a090001", remote: "10.9.0.1", address: "fe80::1:2:3:5/64" } as const;
  await setTunnel(tunnel, test.context);
  assert.equal(test.commands.splice(0), [
    "ip link add name mesh0a090001 type gre remote 10.9.0.1 ttl 64",
    "ip -6 address replace fe80::1:2:3:5/64 dev mesh0a090001 nodad",
    "ip link set dev mesh0a090001 up",
  ]);
  test.tree.write({ "sys/class/net/mesh0a090001/flags": "0x10" });
  assert.ok(await setTunnel(tunnel, test.context));
  assert.is(test.commands.splice(0).length, 2);
  test.tree.write({ "sys/class/net/mesh0a090001/flags": "0x11" });
  assert.not(await setTunnel(tunnel, test.context));
  test.tree.dispose();
});

mesh("what BIRD knows is asked for without the right to change anything; no answer is null", async () => {
  const test = testExecutor();
  test.outputs.set("birdcl -r -s /run/scsigate/bird.ctl show babel neighbors", "N");
  test.outputs.set("birdcl -r -s /run/scsigate/bird.ctl show route filtered", "F");
  test.outputs.set("birdcl -r -s /run/scsigate/bird.ctl show route protocol", "R");
  assert.equal(await readMesh(test.context), { neighbours: "N", routes: "R", refused: "F" });
  test.context.run = async () => {
    throw new Error("Unable to connect to server control socket");
  };
  assert.is(await readMesh(test.context), null);
  test.tree.dispose();
});

mesh.run();
