// SPDX-License-Identifier: Apache-2.0
// A fleet's updates, from the server to the installed slot: rauc-hawkbit-updater (or what stands in for it) and a stand-in server.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Status } from "../../../../src/api/status.ts";
import { socketClient } from "../../../../src/cli/client.ts";
import { startLines } from "../../../../src/shared/lines.ts";
import { COMPATIBLE, FakeImage, refusal, startGateway, type TestGateway, until } from "../../../support/gateway.ts";
import { HawkbitServer } from "../../../support/hawkbit.ts";

const TOKEN = "token-of-this-gateway";
const REAL = spawnSync("rauc-hawkbit-updater", ["--version"]).error === undefined;
const STAND_IN = join(import.meta.dirname, "../../../support/hawkbitUpdater.ts");

interface Context {
  server: HawkbitServer;
  gateway: TestGateway;
  image: FakeImage;
  reboots: number;
  /** In the place of the program. */
  program?: string;
  start(fleet?: Record<string, unknown>): Promise<void>;
}

const fleet = suite<Context>("updates from a hawkBit server");
fleet.before.each(async (context) => {
  context.server = new HawkbitServer("gateway-1", `TargetToken ${TOKEN}`);
  await context.server.start();
  context.reboots = 0;
  delete context.program;
  context.start = async (more = {}) => {
    const settings = { enabled: true, server: context.server.url, controllerId: "gateway-1", targetToken: TOKEN };
    context.gateway = await startGateway({
      config: { version: 1, update: { fleet: { ...settings, ...more } } },
      image: (data) => {
        context.image = new FakeImage(() => data);
        return context.image;
      },
      reboot: () => {
        context.reboots += 1;
      },
      lines(file, args, listener, options) {
        if (file !== "rauc-hawkbit-updater") return () => {};
        if (context.program !== undefined) return startLines(context.program, args, listener, options);
        if (REAL) return startLines(file, args, listener, options);
        return startLines(process.execPath, ["--import", "tsx", STAND_IN, ...args], listener, options);
      },
    });
  };
});
fleet.after.each(async ({ server, gateway }) => {
  await gateway.stop();
  await server.stop();
});

const config = ({ gateway }: Context) => join(gateway.tree.root, "run/fleet.conf");
const log = ({ gateway }: Context) => JSON.stringify(gateway.logs.last(500));

fleet("asks with its token, tells what it is, and nobody else can read its configuration", async (context) => {
  const { server } = context;
  await context.start();
  await until("the server is asked", () => server.polls > 1);
  assert.equal(server.attributes, {
    ...{ product: "scsigate", board: "x86_64", compatible: COMPATIBLE, version: "1.0.0" },
  });
  assert.is(server.refused, 0);
  assert.is(statSync(config(context)).mode & 0o777, 0o600);
  assert.not.match(log(context), TOKEN);
  await context.gateway.stop();
  assert.not.ok(existsSync(config(context)));
});

fleet("installs a newer bundle, tells the server, and waits for a restart", async (context) => {
  const { server } = context;
  await context.start();
  server.deploy("1.1.0", Buffer.from("a bundle"));
  await until("the deployment ends", () => server.result !== undefined);
  assert.is(server.result, "success");
  assert.equal(context.image.asked, ["take", "install"]);
  assert.is(context.image.state?.first, "B");
  assert.is(context.reboots, 0);
  const steps = server.feedback.flatMap(({ status }) => status.details ?? []);
  assert.ok(
    steps.some((step) => step.includes("60%") && step.includes("Updating slots")),
    steps.join("\n"),
  );
  // Sent again: the server may have missed the answer.
  server.deploy("1.1.0", Buffer.from("a bundle"));
  await until("the deployment ends", () => server.result !== undefined);
  assert.is(server.result, "success");
  assert.equal(context.image.asked, ["take", "install", "take", "drop"]);
  assert.equal(server.strange, []);
});

fleet("restarts when that is set, once the server knows", async (context) => {
  const { server } = context;
  await context.start({ restart: true });
  server.deploy("1.1.0", Buffer.from("a bundle"));
  await until("the restart", () => context.reboots > 0);
  assert.is(server.result, "success");
});

fleet("refuses an older bundle unless that is allowed", async (context) => {
  const { server } = context;
  await context.start();
  context.image.bundle = { compatible: COMPATIBLE, version: "0.9.0", description: "", build: "" };
  server.deploy("0.9.0", Buffer.from("an old one"));
  await until("the deployment ends", () => server.result !== undefined);
  assert.is(server.result, "failure");
  assert.equal(context.image.asked, ["take", "drop"]);
  const steps = server.feedback.flatMap(({ status }) => status.details ?? []).join("\n");
  assert.match(steps, "0.9.0 is older than 1.0.0, which runs");
  assert.match(log(context), "update-not-newer");
});

fleet("tells the server why a bundle was not taken", async (context) => {
  const { server } = context;
  await context.start({ allowDowngrade: true });
  context.image.bundle = refusal("update-not-trusted", "nobody knows that key", "Get another one.");
  server.deploy("1.1.0", Buffer.from("a strange one"));
  await until("the deployment ends", () => server.result !== undefined);
  assert.is(server.result, "failure");
  const steps = server.feedback.flatMap(({ status }) => status.details ?? []).join("\n");
  assert.match(steps, "nobody knows that key");
});

fleet("a token that is not taken is told; another one holds at once", async (context) => {
  const { server } = context;
  server.authorization = "TargetToken another";
  await context.start();
  const call = socketClient(join(context.gateway.tree.root, "control.sock"));
  const codes = async () => {
    const { health } = (await call("GET", "/api/v1/status")).json as Status;
    return health.reasons.map(({ code }) => code).filter((code) => code.startsWith("fleet-"));
  };
  await until("the refusal is told", async () => (await codes()).includes("fleet-refused"));
  const change = { update: { fleet: { targetToken: "another" } } };
  const { status } = await call("PATCH", "/api/v1/config", change, { "If-Match": "*" });
  assert.is(status, 202);
  await until("the server is asked", () => server.polls > 0);
  await until("nothing is wrong any more", async () => (await codes()).length === 0);
});

fleet("a change of the settings waits until the server knows what came of an installation", async (context) => {
  const { server } = context;
  await context.start();
  let proceed = () => {};
  context.image.proceed = new Promise((resolve) => {
    proceed = resolve;
  });
  server.deploy("1.1.0", Buffer.from("a bundle"));
  await until("it is being installed", () => context.image.asked.includes("install"));
  const call = socketClient(join(context.gateway.tree.root, "control.sock"));
  const written = () => readFileSync(config(context), "utf8");
  const change = { update: { fleet: { verify: false } } };
  assert.is((await call("PATCH", "/api/v1/config", change, { "If-Match": "*" })).status, 202);
  await until("the change holds", async () => {
    const { state } = (await call("GET", "/api/v1/config/transaction")).json as { state: string };
    return state !== "applying";
  });
  assert.match(written(), "ssl_verify = true");
  proceed();
  await until("the program starts anew", () => existsSync(config(context)) && written().includes("ssl_verify = false"));
  assert.is(server.result, "success");
});

fleet("where the program is missing, that is told", async (context) => {
  context.program = "no-such-program";
  await context.start();
  await until("it is told", () => log(context).includes("fleet-stopped"));
  assert.match(log(context), "ENOENT");
});

fleet.run();
