// SPDX-License-Identifier: Apache-2.0
/** Every page, login and setup included, at every width, light and dark: rules of accessibility, and nothing sticks out of its box. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { STATION_A, startGateway, type TestGateway, writePeer } from "@scsigate/appliance/testing";
import type { Page } from "playwright-core";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { strings } from "../src/strings.ts";
import { violations } from "./support/axe.ts";
import { hasBrowser } from "./support/browser.ts";
import { type Demo, setupToken, startDemo, USER } from "./support/demo.ts";
import { stickingOut } from "./support/layout.ts";
import { button, logIn, openPage, PASSWORD, SHOTS, type Visit, WEB } from "./support/session.ts";
import { eventually } from "./support/wait.ts";

const WIDTHS = [320, 768, 1024, 1440];
/** Between these, what sticks out is looked for in steps of so many pixels. */
const STEP = 56;
/** As long as a host's name can be, in one word. */
const LONG = "W".repeat(63);

interface Context extends Visit {
  demo: Demo;
  url: string;
  fresh: TestGateway;
}

const layout = suite<Context>("layout");
const check = hasBrowser ? layout : layout.skip;

layout.before(async (context) => {
  if (!hasBrowser) return;
  mkdirSync(SHOTS, { recursive: true });
  context.demo = await startDemo(WEB);
  context.demo.rename(LONG);
  context.fresh = await startGateway({ config: { version: 1 }, web: WEB });
  Object.assign(context, await openPage());
  context.url = context.demo.url;
  await context.page.emulateMedia({ reducedMotion: "reduce" });
});

layout.after(async (context) => {
  await context.browser?.close();
  await context.fresh?.stop();
  await context.demo?.stop();
});

/** What was found is told with where it was found, all of it at once. */
async function look(page: Page, name: string): Promise<void> {
  const found: string[] = [];
  const note = (what: string, list: readonly string[]) => found.push(...list.map((one) => `${name}, ${what}: ${one}`));
  for (let width = 320; width <= 1440; width += STEP) {
    await page.setViewportSize({ width, height: 900 });
    note(`${width} px`, await stickingOut(page));
  }
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 900 });
    note(`${width} px`, await stickingOut(page));
    for (const colorScheme of ["dark", "light"] as const) {
      await page.emulateMedia({ colorScheme });
      note(`${width} px, ${colorScheme}`, await violations(page));
    }
    await page.screenshot({ path: join(SHOTS, `layout-${name.replaceAll("/", "-")}-${width}.png`), fullPage: true });
  }
  assert.equal([...new Set(found)], []);
}

/** Nothing is still being read. */
async function settled(page: Page): Promise<void> {
  await page.locator("#page-title").waitFor();
  const waiting = [strings.loading, strings.charts.loading, strings.diagnosis.looking];
  await eventually("all is read", async () => {
    const shown = (await page.locator("main").textContent()) ?? "";
    return waiting.every((words) => !shown.includes(words));
  });
}

check("login", async ({ page, url }) => {
  await page.goto(url);
  await page.getByTestId("login").waitFor();
  await look(page, "login");
  await logIn(page, USER, PASSWORD);
  await page.getByTestId("map").waitFor();
});

const ADDRESSES: Record<string, string> = {
  station: `station/seg0/${encodeURIComponent("02:11:22:33:44:0a")}`,
  segment: "segment/seg1",
};

for (const name of Object.keys(strings.pages)) {
  if (name === "setup") continue;
  check(name, async ({ page, url }) => {
    await page.goto(`${url}#/${ADDRESSES[name] ?? name}`);
    await settled(page);
    await look(page, name);
  });
}

check("setup, each step", async ({ page, fresh }) => {
  writePeer(fresh.tree, "seg0", STATION_A, { name: LONG });
  await page.goto(`https://127.0.0.1:${fresh.service.ports.https}/`);
  await page.getByTestId("setup-banner").waitFor();
  await look(page, "overview-nobody");
  await page.getByRole("link", { name: strings.setup.start }).click();
  await page.getByTestId("setup-administrator").waitFor();
  await look(page, "setup-administrator");
  await page.getByLabel(strings.setup.token).fill(setupToken(fresh));
  await page.getByLabel(strings.setup.name).fill("root");
  await page.getByLabel(strings.setup.password, { exact: true }).fill(PASSWORD);
  await page.getByLabel(strings.setup.repeat).fill(PASSWORD);
  await button(page, strings.setup.create).click();
  await page.getByTestId("setup-basics").waitFor();
  await page.getByTestId("setup-hostname").fill("W".repeat(60));
  for (const step of ["basics", "network", "segment", "telemetry"]) {
    await page.getByTestId(`setup-${step}`).waitFor();
    if (step === "telemetry") await page.getByTestId("setup-mqtt").check();
    await look(page, `setup-${step}`);
    if (step === "telemetry") await page.getByTestId("setup-mqtt").uncheck();
    await button(page, strings.setup.next).click();
  }
  await eventually("the plan", () => button(page, strings.plan.apply).isEnabled());
  await look(page, "setup-summary");
  await button(page, strings.plan.apply).click();
  await page.getByTestId("countdown").waitFor();
  await look(page, "setup-countdown");
  await button(page, strings.transaction.keep).click();
  await page.getByText(strings.setup.unreached(LONG)).waitFor();
  await look(page, "setup-done");
});

layout.run();
