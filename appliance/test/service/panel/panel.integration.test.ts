// SPDX-License-Identifier: Apache-2.0
// The panel of a whole service, with lines that this test holds.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Status } from "../../../src/api/status.ts";
import { CONSOLE_FILE } from "../../../src/service/console.ts";
import { ApiClient } from "../../support/apiClient.ts";
import { startGateway, until } from "../../support/gateway.ts";

test("a press is told on console and page; held, the gateway is as on its first day", async () => {
  let reads = 0;
  const levels = new Map<number, boolean>();
  const gateway = await startGateway({
    config: {
      version: 1,
      hostname: "gate",
      panel: {
        powerLed: { chip: "a", offset: 1 },
        button: { chip: "a", offset: 2 },
        adapterReset: { chip: "a", offset: 3 },
      },
    },
    panel: {
      giveLines: async (lines) => lines.map(({ offset }) => ({ number: offset })),
      openLine: async (number) => ({
        read: () => {
          const high = levels.get(number) === true;
          if (high && number === 2) reads += 1;
          return high;
        },
        write: (on) => void levels.set(number, on),
        close() {},
      }),
    },
  });
  try {
    const api = await ApiClient.open(() => gateway.service.ports.https);
    await api.setUp(gateway.token, "correct horse battery");
    const status = async (): Promise<Status> => (await api.call("GET", "/api/v1/status")).json as Status;
    await until("the power LED", () => levels.get(1) === true);
    assert.is((await status()).pressed, false);
    levels.set(2, true);
    await until("it to be seen", () => reads > 1);
    levels.set(2, false);
    await until("the status to tell", async () => (await status()).pressed);
    const shown = join(gateway.tree.root, "run", CONSOLE_FILE);
    await until("the console to tell", () => readFileSync(shown, "utf8").includes("whose button was pressed"));
    assert.is((await api.call("POST", "/api/v1/adapter-reset")).status, 204);
    assert.is(levels.get(3), false);

    levels.set(2, true);
    await until("the factory reset", async () => (await status()).hostname === "scsigate");
    const visitor = await ApiClient.open(() => gateway.service.ports.https);
    const session = (await visitor.call("GET", "/api/v1/session")).json as { setupNeeded: boolean };
    assert.is(session.setupNeeded, true);
  } finally {
    await gateway.stop();
  }
});

test.run();
