// SPDX-License-Identifier: Apache-2.0
/** The first start with nothing but the keyboard, at a real broker, until the first station comes. */
import {
  STATION_A,
  STATION_B,
  startGateway,
  TestBroker,
  type TestGateway,
  writePeer,
} from "@scsigate/appliance/testing";
import type { Page } from "playwright-core";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { strings } from "../src/strings.ts";
import { hasBrowser } from "./support/browser.ts";
import { setupToken } from "./support/demo.ts";
import { button, HOSTILE, inspect, openPage, PASSWORD, type Visit, WEB } from "./support/session.ts";
import { becomes, eventually, shows } from "./support/wait.ts";

interface Context extends Visit {
  gateway: TestGateway;
  broker: TestBroker;
}

const setup = suite<Context>("setup by keyboard");
const check = hasBrowser ? setup : setup.skip;

setup.before(async (context) => {
  if (!hasBrowser) return;
  context.broker = new TestBroker();
  await context.broker.start();
  context.gateway = await startGateway({ config: { version: 1 }, web: WEB });
  for (const address of [STATION_A, STATION_B])
    context.gateway.tree.remove(`sys/class/net/seg0/ipscsi/peers/${address}`);
  Object.assign(context, await openPage());
  await context.page.emulateMedia({ reducedMotion: "reduce" });
  await context.page.goto(`https://127.0.0.1:${context.gateway.service.ports.https}/`);
  await context.page.getByTestId("setup-banner").waitFor();
  await context.page.evaluate(WATCH_FOCUS);
});

setup.after(async (context) => {
  await context.browser?.close();
  await context.gateway?.stop();
  await context.broker?.stop();
});

/** What has the focus: its label, name or text. */
function focused(page: Page): Promise<string> {
  return page.evaluate(
    `(() => {
      const { activeElement: at } = document;
      if (at === document.body) return "";
      const label = at.labels?.[0]?.innerText ?? "";
      return (at.getAttribute("aria-label") ?? (label || at.innerText || "")).trim();
    })()`,
  ) as Promise<string>;
}

/** Tabs until that has the focus. */
async function tabTo(page: Page, name: string): Promise<void> {
  const seen: string[] = [];
  for (let presses = 0; presses < 60; presses++) {
    const now = await focused(page);
    if (now.startsWith(name)) return;
    seen.push(now);
    await page.keyboard.press("Tab");
  }
  throw new Error(`the keyboard does not reach ${name}: ${seen.join(" | ")}`);
}

/** Keeps what happens to the focus, for type() to tell. */
const WATCH_FOCUS = `(() => {
  window.focusLog = [];
  for (const kind of ["focusin", "focusout", "input"])
    document.addEventListener(kind, ({ target }) =>
      window.focusLog.push([Math.round(performance.now()), kind, target.dataset.testid || target.tagName, target.value ?? ""].join(" ")), true);
  window.stepFocus = [];
  new MutationObserver((changes) => {
    for (const { addedNodes } of changes)
      for (const node of addedNodes)
        if (node.matches?.("form[data-testid^=setup-]")) window.stepFocus.push(document.activeElement.tagName);
    for (const { removedNodes } of changes)
      for (const node of removedNodes) if (node.querySelector?.("input")) window.focusLog.push("removed: " + node.innerText);
  }).observe(document.body, { childList: true, subtree: true });
})()`;

/** Where what was typed is not all there, the log of the focus tells where it went. */
async function type(page: Page, name: string, value: string): Promise<void> {
  await tabTo(page, name);
  await page.keyboard.type(value);
  const is = await page.evaluate("document.activeElement.value");
  if (is === value) return;
  const log = (await page.evaluate("window.focusLog")) as string[];
  throw new Error(`${name} has ${is}, not ${value}:\n${log.slice(-60).join("\n")}`);
}

async function next(page: Page): Promise<void> {
  await tabTo(page, strings.setup.next);
  await page.keyboard.press("Enter");
}

/** The heading of a step has the focus when it appears. */
async function arrives(page: Page, step: keyof typeof strings.setup.steps): Promise<void> {
  await eventually(step, async () => (await focused(page)).includes(strings.setup.steps[step]));
  await page.getByTestId(`setup-${step}`).waitFor();
}

check("from the token to the summary", async ({ page, gateway, broker }) => {
  await tabTo(page, strings.setup.start);
  await page.keyboard.press("Enter");
  await eventually("the setup", async () => (await focused(page)) === strings.setup.title);
  await type(page, strings.setup.token, setupToken(gateway));
  await type(page, strings.setup.name, "root");
  await type(page, strings.setup.password, PASSWORD);
  await type(page, strings.setup.repeat, PASSWORD);
  await page.keyboard.press("Enter");
  await arrives(page, "basics");
  await type(page, strings.setup.hostname, "keyboard");
  await next(page);
  await arrives(page, "network");
  await tabTo(page, strings.modes["routed"] ?? "");
  await page.keyboard.press("ArrowDown");
  await becomes("chosen", () => page.getByRole("radio", { name: strings.modes["nat"] ?? "" }).isChecked(), true);
  await next(page);
  await arrives(page, "segment");
  await next(page);
  await arrives(page, "telemetry");
  await tabTo(page, strings.setup.telemetry);
  await page.keyboard.press("Space");
  await type(page, strings.settings["url"] ?? "", "mqtt://127.0.0.1:9");
  await tabTo(page, strings.telemetry.tryBroker);
  await page.keyboard.press("Enter");
  await shows(page, "try-mqtt", strings.telemetry.failed);
  await shows(page, "check-connection", strings.checks.bad);
  await inspect(page, "setup-broker-fails");
  const url = page.getByTestId("field/mqtt/url");
  await url.focus();
  await page.keyboard.press("Control+A");
  await page.keyboard.type(`mqtt://127.0.0.1:${broker.port}`);
  await tabTo(page, strings.telemetry.tryBroker);
  await page.keyboard.press("Enter");
  await shows(page, "try-mqtt", strings.telemetry.worked);
  await next(page);
  await arrives(page, "summary");
  await shows(page, "setup-summary", "Host name", "keyboard", strings.system.mode, "MQTT › URL");
  // A focus that comes after the step takes the end of what is typed from a field.
  assert.equal(await page.evaluate("window.stepFocus"), ["H2", "H2", "H2", "H2"]);
});

check("not kept in time: it is undone and said, and can be applied again", async ({ page, gateway }) => {
  await tabTo(page, strings.plan.apply);
  await page.route("**/api/v1/config?*", (route) =>
    route.continue({
      url: route
        .request()
        .url()
        .replace(/confirmSeconds=\d+/, "confirmSeconds=10"),
    }),
  );
  await page.keyboard.press("Enter");
  await page.getByTestId("countdown").waitFor();
  await eventually("undone", async () => (await page.getByTestId("transaction-end").count()) === 1, 90_000);
  await shows(page, "transaction-end", strings.transaction["rolled-back"]);
  await page.unroute("**/api/v1/config?*");
  assert.equal(gateway.service.ports.https > 0, true);
  await tabTo(page, strings.transaction.close);
  await page.keyboard.press("Enter");
});

check("kept: what to type is shown, and the first station is greeted, whatever its name", async (context) => {
  const { page, gateway, complaints, broker } = context;
  await eventually("apply", async () =>
    page.getByRole("button", { name: strings.plan.apply, exact: true }).isEnabled(),
  );
  await tabTo(page, strings.plan.apply);
  await page.keyboard.press("Enter");
  await page.getByTestId("countdown").waitFor();
  await tabTo(page, strings.transaction.keep);
  await page.keyboard.press("Enter");
  await arrives(page, "done");
  await shows(page, "setup-done", "modprobe ipscsi", "dhclient seg0", strings.setup.waiting);
  await inspect(page, "setup-waiting");
  writePeer(gateway.tree, "seg0", STATION_A, { name: HOSTILE });
  // It is here, and nothing more: what breaks the way to the LAN is told before anybody celebrates.
  await shows(page, "setup-way", strings.setup.unreached(HOSTILE));
  await shows(page, "check-driver", "not loaded: ipscsi");
  await inspect(page, "setup-unreached");
  gateway.tree.write({ "sys/module/ipscsi/refcnt": 1, "proc/sys/net/ipv4/ip_forward": 1 });
  await shows(page, "setup-way", strings.setup.arrived(HOSTILE));
  await shows(page, "check-lan-router", "no default route");
  assert.is(await page.locator("main img").count(), 0);
  await inspect(page, "setup-arrived");
  await eventually("telemetry", () => broker.heard.some(({ topic }) => topic.endsWith("/state")));
  await tabTo(page, strings.setup.toOverview);
  await page.keyboard.press("Enter");
  await page.getByTestId("map").waitFor();
  assert.is(await page.getByTestId("setup-halfway").count(), 0);
  assert.equal(complaints, []);
});

check(
  "left half-way: the other pages lead back; mode routed says which route the LAN's router needs",
  async (context) => {
    const { page, complaints } = context;
    const url = page.url().replace(/#.*/, "");
    await page.goto(`${url}#/setup`);
    for (const step of ["summary", "telemetry", "segment", "network"]) {
      await button(page, strings.setup.back).click();
      await page.getByTestId(`setup-${step}`).waitFor();
    }
    await page.locator("input[value=routed]").check();
    for (const step of ["segment", "telemetry", "summary"]) {
      await button(page, strings.setup.next).click();
      await page.getByTestId(`setup-${step}`).waitFor();
    }
    await shows(page, "setup-route", "10.143.0.0/24 via 10.0.2.20", strings.setup.natInstead);
    await inspect(page, "setup-summary-routed");
    for (const other of ["overview", "diagnosis", "settings/general"]) {
      await page.goto(`${url}#/${other}`);
      await shows(page, "setup-halfway", strings.setup.halfway);
    }
    await inspect(page, "setup-halfway");
    await page.getByRole("link", { name: strings.setup.goOn }).click();
    await page.getByTestId("setup-summary").waitFor();
    await button(page, strings.plan.apply).click();
    await button(page, strings.transaction.keep).click();
    await shows(page, "setup-way", strings.setup.reachedRouted(HOSTILE));
    await shows(page, "setup-route", "10.143.0.0/24 via 10.0.2.20");
    await inspect(page, "setup-arrived-routed");
    await button(page, strings.setup.otherMode).click();
    await page.getByTestId("setup-network").waitFor();
    await page.goto(`${url}#/overview`);
    await shows(page, "setup-halfway", strings.setup.halfway);
    await page.reload();
    await shows(page, "setup-halfway", strings.setup.halfway);
    await button(page, strings.setup.leave).click();
    await page.reload();
    await page.getByTestId("map").waitFor();
    assert.is(await page.getByTestId("setup-halfway").count(), 0);
    assert.equal(complaints, []);
  },
);

setup.run();
