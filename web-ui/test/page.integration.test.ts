// SPDX-License-Identifier: Apache-2.0
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Status } from "@scsigate/appliance/api";
import { freePort, STATION_A, STATION_B, startGateway, type TestGateway, writePeer } from "@scsigate/appliance/testing";
import type { Page } from "playwright-core";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { strings } from "../src/strings.ts";
import { violations } from "./support/axe.ts";
import { hasBrowser, openBrowser, type TestBrowser } from "./support/browser.ts";
import { becomes, eventually, shows } from "./support/wait.ts";

const WEB = join(import.meta.dirname, "../dist");
/** Where screenshots go, for people to look at. */
const SHOTS = join(import.meta.dirname, "../../build/web-ui");

interface Context {
  gateway: TestGateway;
  browser: TestBrowser;
  page: Page;
  /** What the browser complained of: script errors and blocked content. */
  complaints: string[];
  url: string;
}

const page = suite<Context>("page in a browser");
const check = hasBrowser ? page : page.skip;
if (!hasBrowser) console.log("skipped: /usr/bin/chromium is not installed (apt install chromium)");

page.before(async (context) => {
  if (!hasBrowser) return;
  mkdirSync(SHOTS, { recursive: true });
  const ports = { http: await freePort(), https: await freePort() }; // it comes back on the same
  context.gateway = await startGateway({ config: { version: 1, hostname: "gateway" }, web: WEB, ports });
  context.browser = await openBrowser();
  context.page = await context.browser.context.newPage();
  context.complaints = [];
  context.page.on("pageerror", (error) => context.complaints.push(error.message));
  context.page.on("console", (message) => {
    if (message.type() === "error") context.complaints.push(message.text());
  });
  context.url = `https://127.0.0.1:${context.gateway.service.ports.https}/`;
  await context.page.goto(context.url);
});

page.after(async (context) => {
  await context.browser?.close();
  await context.gateway?.stop();
});

check("segment, stations, LAN, uptime and telemetry are there", async ({ page: current }) => {
  await shows(
    current,
    `station-${STATION_A}`,
    "station-a",
    STATION_A,
    "10.143.0.20",
    "up",
    "GET",
    "4.00 MB",
    "7,000 packets",
  );
  await shows(current, `station-${STATION_B}`, "stalled");
  await shows(current, "lan", "10.0.2.20/24");
  await shows(current, "uptime", "1 d 2 h 3 min");
  await shows(current, "mqtt", strings.mqtt.off);
  await shows(current, "connection", strings.connection.live);
  await becomes("title", () => current.title(), "gateway");
});

check("figures change without a reload", async ({ page: current, gateway }) => {
  await current.evaluate("window.notReloaded = true");
  writePeer(gateway.tree, "seg0", STATION_A, { name: "renamed", counters: { rx_packets: 8123, rx_bytes: 9_000_000 } });
  await shows(current, `station-${STATION_A}`, "renamed", "8,123 packets");
  assert.is(await current.evaluate("window.notReloaded"), true);
});

check("a station that leaves is gone, one that comes is there", async ({ page: current, gateway }) => {
  gateway.tree.remove(`sys/class/net/seg0/ipscsi/peers/${STATION_B}`);
  await eventually("gone", async () => (await current.getByTestId(`station-${STATION_B}`).count()) === 0);
  writePeer(gateway.tree, "seg0", STATION_B, { name: "station-b" });
  await eventually("back", async () => (await current.getByTestId(`station-${STATION_B}`).count()) === 1);
});

check("stations that are all down are not the same as none", async ({ page: current, gateway }) => {
  const { tree } = gateway;
  const set = (carrier: number, state: string) => {
    for (const address of [STATION_A, STATION_B]) writePeer(tree, "seg0", address, { name: "station", state });
    tree.write({ "sys/class/net/seg0/carrier": carrier });
  };
  set(0, "down");
  await shows(current, "segment-seg0", strings.segment.allDown);
  await becomes("bus", () => current.getByTestId("map").locator(".bus.bad").count(), 1);
  set(1, "up");
  await shows(current, "segment-seg0", strings.segment.up);
});

check("what the network says is text, never markup", async ({ page: current, gateway }) => {
  writePeer(gateway.tree, "seg0", STATION_B, { name: "<img src=x onerror=alert(1)>" });
  await shows(current, `station-${STATION_B}`, "<img src=x");
  assert.is(await current.locator("table img").count(), 0);
  writePeer(gateway.tree, "seg0", STATION_B, { name: "station-b", state: "stalled", counters: { rx_dropped: 3 } });
});

for (const width of [360, 768, 1440]) {
  check(`nothing is cut off or scrolls sideways at ${width} px`, async ({ page: current }) => {
    await current.setViewportSize({ width, height: 900 });
    // Charts follow the width with a later frame.
    const overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
    await becomes("overflow", () => current.evaluate(overflow), 0);
    await current.screenshot({ path: join(SHOTS, `page-${width}.png`), fullPage: true });
  });
}

check(
  "all of it can be reached with the keyboard, and the table has its roles when narrow",
  async ({ page: current }) => {
    await current.setViewportSize({ width: 360, height: 800 });
    assert.is(await current.getByRole("table", { name: strings.stations.caption("seg0") }).count(), 1);
    assert.is(await current.getByRole("rowheader").count(), 2);
    await current.keyboard.press("Tab");
    await becomes("focus", () => current.evaluate("document.activeElement.textContent"), strings.skip);
  },
);

check(
  "nothing is loaded from elsewhere, and the content policy blocks nothing",
  async ({ page: current, complaints, url }) => {
    const foreign: string[] = [];
    current.on("request", (request) => {
      if (!request.url().startsWith(url)) foreign.push(request.url());
    });
    await current.reload();
    await current.getByTestId("uptime").waitFor();
    assert.equal(foreign, []);
    assert.equal(complaints, []);
  },
);

check("a lost connection is shown, and mends by itself", async (context) => {
  const { page: current, gateway } = context;
  const ports = gateway.service.ports;
  await gateway.stop();
  await shows(current, "connection", strings.connection.lost);
  await becomes("alerts", () => current.getByRole("alert").count(), 1);
  await current.setViewportSize({ width: 1440, height: 900 });
  await current.screenshot({ path: join(SHOTS, "page-lost.png"), fullPage: true });
  context.gateway = await startGateway({ config: { version: 1, hostname: "gateway" }, web: WEB, ports });
  await shows(current, "connection", strings.connection.live);
  await becomes("alerts", () => current.getByRole("alert").count(), 0);
});

check("dark, busy, and with something wrong", async () => {
  const gateway = await startGateway({
    config: {
      version: 1,
      hostname: "gateway",
      storage: { interface: "eth1" },
      mqtt: { enabled: true, url: "mqtt://127.0.0.1:1" },
      mdoe: "routed",
    },
    web: WEB,
  });
  const browser = await openBrowser("dark");
  try {
    const current = await browser.context.newPage();
    await current.setViewportSize({ width: 1440, height: 900 });
    await current.goto(`https://127.0.0.1:${gateway.service.ports.https}/`);
    for (let round = 1; round < 6; round++) {
      const counters = {
        rx_bytes: 4_000_000 + round * round * 9_000_000,
        rx_packets: 7000 + round * 6000,
        tx_bytes: round * 700_000,
        tx_packets: round * 500,
      };
      writePeer(gateway.tree, "seg0", STATION_A, { name: "station-a", counters });
      gateway.tree.write({
        "sys/class/net/seg0/statistics/rx_bytes": counters.rx_bytes,
        "sys/class/net/seg0/statistics/tx_bytes": counters.tx_bytes,
      });
      await eventually("a sample", async () => {
        const { segments } = JSON.parse((await gateway.get("/api/v1/status")).body) as Status;
        return segments[0]?.counters.rx_bytes === counters.rx_bytes;
      });
    }
    await current.getByText(strings.health.title).waitFor();
    await shows(current, "health", strings.health.degraded);
    assert.equal(await violations(current), []);
    await current.screenshot({ path: join(SHOTS, "page-dark.png"), fullPage: true });
    await current.setViewportSize({ width: 360, height: 800 });
    await current.screenshot({ path: join(SHOTS, "page-dark-360.png"), fullPage: true });
  } finally {
    await browser.close();
    await gateway.stop();
  }
});

page.run();
