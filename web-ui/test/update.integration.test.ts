// SPDX-License-Identifier: Apache-2.0
/** An update in a browser: a file, an address, what is refused, the restart, a fall-back, going back. */
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import {
  COMPATIBLE,
  FakeImage,
  freshImage,
  type ImageState,
  refusal,
  startGateway,
  type TestGateway,
} from "@scsigate/appliance/testing";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { strings } from "../src/strings.ts";
import { hasBrowser } from "./support/browser.ts";
import { makeAdministrator, USER } from "./support/demo.ts";
import { button, inspect, logIn, openPage, PASSWORD, type Visit, WEB } from "./support/session.ts";
import { eventually, fails, shows } from "./support/wait.ts";

interface Context extends Visit {
  gateway: TestGateway;
  image: FakeImage;
  url: string;
  reboots: number;
  /** A file to send. */
  bundle: string;
}

const words = strings.update;
const updates = suite<Context>("an update in a browser");
const check = hasBrowser ? updates : updates.skip;

/** A gateway with an administrator, and somebody at its page. */
async function begin(context: Context, state: ImageState | null = freshImage()): Promise<void> {
  if (!hasBrowser) return;
  context.reboots = 0;
  context.gateway = await startGateway({
    config: { version: 1, hostname: "gateway" },
    web: WEB,
    image: (data) => {
      context.image = new FakeImage(() => data, state);
      return context.image;
    },
    reboot: () => {
      context.reboots += 1;
    },
  });
  const { gateway } = context;
  await makeAdministrator(gateway, USER);
  context.bundle = join(gateway.tree.root, "scsigate-1.1.0.raucb");
  writeFileSync(context.bundle, Buffer.alloc(5_000_000, "hsqs"));
  Object.assign(context, await openPage());
  context.url = `https://127.0.0.1:${gateway.service.ports.https}/#/system/update`;
  await context.page.goto(context.url);
  await logIn(context.page, USER, PASSWORD);
  await context.page.getByTestId(state === null ? "update-none" : "image").waitFor();
}

async function end(context: Context): Promise<void> {
  await context.browser?.close();
  await context.gateway?.stop();
}

updates.before((context) => begin(context));
updates.after(end);

function choose({ page, bundle }: Context): Promise<void> {
  return page.getByLabel(words.file).setInputFiles(bundle);
}

check("what runs, and what is in the other slot", async ({ page }) => {
  await shows(page, "image", "1.0.0", words.confirmed, words.empty("B"), COMPATIBLE);
  assert.is(await page.getByTestId("back").count(), 0);
  await inspect(page, "update");
});

check("a bundle that is refused: why, and what to do; another one can be sent", async (context) => {
  const { page, image } = context;
  image.bundle = refusal("update-not-trusted", "the bundle is signed by somebody else", "Get ours.");
  await choose(context);
  await fails(page, "update-not-trusted");
  await shows(page, "problem", "The bundle is signed by somebody else", "Get ours.");
  await page.getByLabel(words.file).waitFor();
  await inspect(page, "update-refused");
});

check("an older bundle is installed only when that is ticked", async (context) => {
  const { page, image } = context;
  image.bundle = { compatible: COMPATIBLE, version: "0.9.0", description: "<img src=x>", build: "" };
  await choose(context);
  await shows(page, "bundle", "0.9.0", "scsigate-1.1.0.raucb", "0.9.0 is older than 1.0.0", "<img src=x>");
  assert.is(await button(page, words.installDo).getAttribute("aria-disabled"), "true");
  await page.getByLabel(words.downgrade).check();
  assert.is(await button(page, words.installDo).getAttribute("aria-disabled"), "false");
  await inspect(page, "update-older");
  await button(page, words.drop).click();
  await page.getByLabel(words.file).waitFor();
});

check("from an address: fetched, installed with progress, restarted into", async (context) => {
  const { page, image } = context;
  const server = createServer((_request, response) => response.end("hsqs"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  image.bundle = { compatible: COMPATIBLE, version: "1.1.0", description: "", build: "" };
  let finish = () => {};
  image.proceed = new Promise((resolve) => {
    finish = resolve;
  });
  await page.getByLabel(words.url).fill(`http://127.0.0.1:${(server.address() as AddressInfo).port}/u.raucb`);
  await button(page, words.fetch).click();
  await shows(page, "bundle", "1.1.0", "/u.raucb");
  await button(page, words.installDo).click();
  await shows(page, "update-progress", "Updating slots");
  await shows(page, "install", words.states.installing);
  await inspect(page, "update-installing");
  finish();
  await shows(page, "restart-into", words.installed("1.1.0"));
  await inspect(page, "update-installed");
  await button(page, words.restart).click();
  await page.getByRole("alertdialog").getByRole("button", { name: words.restart }).click();
  await eventually("restart", () => context.reboots === 1);
  server.close();
});

check("staying with what runs", async ({ page, image }) => {
  await button(page, words.stay).click();
  await page.getByLabel(words.file).waitFor();
  assert.is(image.state?.first, "A");
});

check("a script error, a blocked content or a dialog there was none", ({ complaints }) => {
  assert.equal(complaints, []);
});

updates.run();

const fallBacks = suite<Context>("after a fall-back");
fallBacks.before((context) => {
  const image = freshImage();
  // Slot B is the first choice, and A runs: B did not start.
  image.slots.B = { version: "1.1.0", mayStart: true, confirmed: true, tries: 3 };
  return begin(context, { ...image, first: "B" });
});
fallBacks.after(end);
const fallBack = hasBrowser ? fallBacks : fallBacks.skip;

fallBack("it is said until somebody has seen it, and the other image can be chosen all the same", async (context) => {
  const { page, image, complaints } = context;
  await shows(page, "fell-back", "1.1.0, in slot B, did not start, or did not run well; 1.0.0 runs");
  await inspect(page, "update-fell-back");
  await button(page, words.seen).click();
  await eventually("seen", async () => (await button(page, words.seen).count()) === 0);
  await button(page, words.backDo("1.1.0")).click();
  await page
    .getByRole("alertdialog")
    .getByRole("button", { name: words.backDo("1.1.0") })
    .click();
  await shows(page, "restart-into", words.installed("1.1.0"));
  assert.is(image.state?.first, "B");
  assert.equal(complaints, []);
});

fallBacks.run();

const others = suite<Context>("a machine without the image");
others.before((context) => begin(context, null));
others.after(end);
const other = hasBrowser ? others : others.skip;

other("says how else it is updated, and offers nothing", async ({ page }) => {
  await shows(page, "update-none", words.none);
  assert.is(await page.getByTestId("install").count(), 0);
  await inspect(page, "update-none");
});

others.run();
