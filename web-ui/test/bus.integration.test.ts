// SPDX-License-Identifier: Apache-2.0
// The card of a bus, in a browser: the service asks a stand-in of the firmware over a real tty.
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  answerOn,
  FakeFirmware,
  openPty,
  type Pty,
  plugIn,
  SERIAL,
  startGateway,
  type TestGateway,
  unplug,
  updateFile,
} from "@scsigate/appliance/testing";
import type { Page } from "playwright-core";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { strings } from "../src/strings.ts";
import { violations } from "./support/axe.ts";
import { hasBrowser, openBrowser, type TestBrowser } from "./support/browser.ts";
import { makeAdministrator } from "./support/demo.ts";
import { logIn, PASSWORD } from "./support/session.ts";
import { shows } from "./support/wait.ts";

const WEB = join(import.meta.dirname, "../dist");
const USB = { interface: "seg0" };

interface Context {
  gateway: TestGateway;
  browser: TestBrowser;
  page: Page;
  pty: Pty;
}

const page = suite<Context>("the card of a bus");
const check = hasBrowser ? page : page.skip;

page.before(async (context) => {
  if (!hasBrowser) return;
  context.pty = await openPty();
  const firmware = new FakeFirmware();
  firmware.capabilities = 7;
  firmware.counters = { selections7: 4000, selectionsNoId: 2, parityErrors: 3, resets: 1 };
  firmware.stations = [{ initiator: 7, address: "02:00:5e:10:00:0a", name: "falcon" }];
  answerOn(context.pty, firmware);
  context.gateway = await startGateway({
    config: { version: 1, segments: [{ name: "seg0", fabric: { type: "adapter", serial: SERIAL } }] },
    web: WEB,
    before: (tree) => {
      tree.remove("sys/class/net/seg0");
      plugIn(tree, USB);
      writeFileSync(`${tree.root}/adapter.update`, updateFile("0.2.0"));
      mkdirSync(`${tree.root}/dev`);
      symlinkSync(context.pty.path, `${tree.root}/dev/ttyACM0`);
    },
  });
  context.browser = await openBrowser();
  context.page = await context.browser.context.newPage();
  await context.page.goto(`https://127.0.0.1:${context.gateway.service.ports.https}/`);
});
page.after(async ({ browser, gateway, pty }) => {
  await browser?.close();
  await gateway?.stop();
  await pty?.close();
});

check("what the adapter counts, and by whom it was selected", async ({ page: current }) => {
  const { bus, fabrics } = strings;
  await shows(current, "bus-seg0", bus.states.working, SERIAL, "ID 7: 4,000", `${bus.noId}: 2`, bus.parityErrors);
  await shows(current, "segment-seg0", fabrics["adapter"] ?? "", "falcon");
  assert.equal(await violations(current), []);
});

check("its firmware is updated on a press of a button, by an administrator", async ({ page: current, gateway }) => {
  const { bus } = strings;
  assert.is(await current.getByRole("button", { name: bus.update }).count(), 0);
  await makeAdministrator(gateway, "admin");
  await current.reload();
  await logIn(current, "admin", PASSWORD);
  await shows(current, "bus-seg0", bus.offered("0.2.0"));
  assert.equal(await violations(current), []);
  await current.getByRole("button", { name: bus.update }).click();
  await shows(current, "bus-seg0", bus.updating.done);
  await shows(current, "bus-seg0", "0.2.0");
  assert.is(await current.getByRole("button", { name: bus.update }).count(), 0);
});

check("unplugged: said, with what to do, and no figure of before", async ({ page: current, gateway }) => {
  unplug(gateway.tree, USB);
  await shows(current, "bus-seg0", strings.bus.states.absent, "Check its USB cable");
  // biome-ignore lint/performance/useDomNodeTextContent: what is shown, as it is shown
  assert.not.match(await current.getByTestId("bus-seg0").innerText(), strings.bus.parityErrors);
});

page.run();
