// SPDX-License-Identifier: Apache-2.0
/** What is done with stations: the table, a station's page, its charts, settings and checks; the map that leads there. */
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fakeIp, STATION_A, STATION_B, startGateway, type TestGateway, writePeer } from "@scsigate/appliance/testing";
import type { Page } from "playwright-core";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { strings } from "../src/strings.ts";
import { hasBrowser, openBrowser } from "./support/browser.ts";
import { setupToken } from "./support/demo.ts";
import { button, download, HOSTILE, inspect, openPage, PASSWORD, SHOTS, type Visit, WEB } from "./support/session.ts";
import { becomes, eventually, fails, shows, text } from "./support/wait.ts";

const PING =
  "10 packets transmitted, 9 received, 10% packet loss, time 1800ms\nrtt min/avg/max/mdev = 0.5/1.25/4/0.1 ms\n";
const NO_SERVER = '{"error":"unable to connect to server: Connection refused"}';
const IPERF = '{"end":{"sum_received":{"bits_per_second":940000000},"sum_sent":{"retransmits":7}}}';
/** A pcap file without a packet, and one packet of no bytes. */
const RECORDING = Buffer.concat([
  Buffer.from("d4c3b2a1020004000000000000000000ffff000001000000", "hex"),
  Buffer.alloc(16),
]);

const INITIATOR = "iqn.2026-11.org.scsigate:station-a";
const FABRIC = { type: "iscsi", target: "iqn.2026-11.org.scsigate:seg0", initiators: [INITIATOR] };

interface Context extends Visit {
  gateway: TestGateway;
  requests: string[];
  iperf: string;
  url: string;
}

const stations = suite<Context>("stations in a browser");
const check = hasBrowser ? stations : stations.skip;

stations.before(async (context) => {
  if (!hasBrowser) return;
  mkdirSync(SHOTS, { recursive: true });
  context.iperf = NO_SERVER;
  context.gateway = await startGateway({
    config: { version: 1, hostname: "gateway", segments: [{ name: "seg0", fabric: FABRIC }] },
    web: WEB,
    ping: () => PING,
    run: async (file, args, options) => (file === "iperf3" ? context.iperf : fakeIp(file, args, options)),
    capture: (_order, onData, onEnd) => {
      onData(RECORDING);
      return () => onEnd({ reason: "asked" });
    },
    latency: () => [{ device: "2:0:0:0", text: `100 ${Date.now() % 1e9} 5\n3200 7 1\n` }],
  });
  context.gateway.tree.write({ [`sys/class/net/seg0/ipscsi/peers/${STATION_A}/device`]: "2:0:0:0" });
  Object.assign(context, await openPage());
  context.requests = [];
  context.page.on("request", (request) => context.requests.push(request.url()));
  context.url = `https://127.0.0.1:${context.gateway.service.ports.https}/`;
  await context.page.goto(`${context.url}#/setup`);
  const body = JSON.stringify({ token: setupToken(context.gateway), name: "root", password: PASSWORD });
  await context.page.evaluate(
    `fetch("/api/v1/setup", { method: "POST", headers: { "Content-Type": "application/json" }, body: ${JSON.stringify(body)} })`,
  );
  await context.page.goto(`${context.url}#/`);
  await context.page.reload();
});

stations.after(async (context) => {
  await context.browser?.close();
  await context.gateway?.stop();
});

/** What another session asks of the API. @returns the answer */
function elsewhere(page: Page, method: string, path: string, body?: unknown): Promise<unknown> {
  const content = body === undefined ? "" : `, body: ${JSON.stringify(JSON.stringify(body))}`;
  return page.evaluate(`fetch("/api/v1/session").then((answer) => answer.json()).then(({ csrfToken }) =>
    fetch("${path}", { method: "${method}"${content},
      headers: { "Content-Type": "application/json", "X-CSRF-Token": csrfToken } })).then((answer) => answer.json())`);
}

/** The words on what has the focus. */
function focused(page: Page): Promise<unknown> {
  return page.evaluate("document.activeElement.textContent");
}

/** Packets flow from now on. */
function traffic(gateway: TestGateway, round: number): void {
  const folder = `sys/class/net/seg0/ipscsi/peers/${STATION_A}`;
  gateway.tree.write({
    [`${folder}/rx_bytes`]: 5_000_000 + round * 400_000,
    [`${folder}/tx_bytes`]: 10_000 + round * 90_000,
    [`${folder}/rx_packets`]: 9000 + round * 300,
    [`${folder}/rx_dropped`]: round,
  });
}

check(
  "the map leads to stations, segment and LAN by keyboard, and no chart is loaded for it",
  async ({ page, requests }) => {
    const map = page.getByTestId("map");
    await map.waitFor();
    const names = await map.locator("a").evaluateAll((links) => links.map((link) => link.textContent ?? ""));
    const found = ["station-a", "seg0", strings.lan.title, "gateway"].map((word) =>
      names.some((name) => name.includes(word)),
    );
    assert.equal(found, [true, true, true, true], names.join("; "));
    await inspect(page, "map");
    const lan = map.getByRole("link", { name: new RegExp(`^${strings.lan.title}`) });
    await lan.focus();
    await page.keyboard.press("Enter");
    await becomes("focus", () => page.evaluate("document.activeElement.id"), "lan-title");
    assert.equal(
      requests.filter((url) => url.includes("/plot-")),
      [],
    );
    await map.getByRole("link", { name: "seg0", exact: true }).focus();
    await page.keyboard.press("Enter");
    await page.getByTestId("segment-seg0").waitFor();
    await page.getByText("rx_malformed").waitFor();
    await page.goBack();
    await becomes("focus", () => page.evaluate("document.activeElement.id"), "page-title");
    await map.getByRole("link", { name: /station-a/ }).focus();
    await page.keyboard.press("Enter");
    await page.getByTestId("identity").waitFor();
    await shows(page, "identity", STATION_A);
    await eventually("its counters", async () => /timeout\s+2\b/.test(await text(page, "counters")));
  },
);

check("the table is sorted by any column, both ways, and keeps its order", async ({ page, url, gateway }) => {
  traffic(gateway, 1);
  await page.setViewportSize({ width: 1440, height: 900 });
  await page.goto(`${url}#/stations`);
  const order = () =>
    page
      .locator("[data-testid^=row-]")
      .evaluateAll((rows) => rows.map((row) => row.getAttribute("data-testid")?.slice(4)));
  await page.getByTestId(`row-${STATION_B}`).waitFor();
  await becomes("order", order, [STATION_A, STATION_B]);
  await button(page, strings.stations.ip).click();
  await becomes("order", order, [STATION_A, STATION_B]);
  await button(page, strings.stations.ip).click();
  await becomes("order", order, [STATION_B, STATION_A]);
  assert.is(
    await page.getByRole("columnheader", { name: strings.stations.ip }).getAttribute("aria-sort"),
    "descending",
  );
  await page.getByTestId(`row-${STATION_B}`).getByRole("link").click();
  await page.getByRole("link", { name: strings.station.back }).click();
  await becomes("order", order, [STATION_B, STATION_A]);
  await shows(page, `row-${STATION_A}`, "station-a", "10.143.0.20", "GET", "up");
  await inspect(page, "stations");
});

check(
  "charts are drawn of the history, for each range, in a chunk of their own",
  async ({ page, url, gateway, requests }) => {
    let round = 0;
    const timer = setInterval(() => traffic(gateway, round++), 500);
    try {
      await page.goto(`${url}#/station/seg0/${encodeURIComponent(STATION_A)}`);
      const history = page.getByTestId("history");
      await history.locator("canvas").first().waitFor();
      assert.ok(requests.some((target) => target.includes("/plot-")));
      await eventually("a rate", async () => {
        const label = await history
          .getByRole("img", { name: new RegExp(`^${strings.charts.rate}`) })
          .getAttribute("aria-label");
        return /at most [1-9][0-9.]* (Mbit|kbit)\/s/.test(label ?? "");
      });
      await eventually("errors", async () => (await history.getByRole("img", { name: /^Errors/ }).count()) === 1);
      await inspect(page, "station");
      for (const [key, name] of Object.entries(strings.charts.ranges).reverse()) {
        // what is shown already is read again every few seconds
        const minutes = { "15m": 15, "1h": 60, "24h": 1440, "7d": 10_080 }[key] ?? 0;
        const asked = page.waitForResponse((response) => {
          const { pathname, searchParams: query } = new URL(response.url());
          const milliseconds = Number(query.get("to")) - Number(query.get("from"));
          return pathname.endsWith("/history") && milliseconds === minutes * 60_000;
        });
        await history.getByText(name, { exact: true }).click();
        const { step } = (await (await asked).json()) as { step: number };
        assert.is(step, { "15m": 1, "1h": 60, "24h": 60, "7d": 600 }[key]);
      }
    } finally {
      clearInterval(timer);
    }
  },
);

check("what is saved takes nothing back that another session changed", async ({ page, gateway }) => {
  const form = page.getByTestId("station-settings");
  await form.getByLabel(strings.station.reserve).fill("10.143.0.41");
  await elsewhere(page, "PATCH", `/api/v1/stations/${encodeURIComponent(STATION_A)}`, { name: "theirs" });
  await button(page, strings.station.save).click();
  await form.getByText(strings.station.saved).waitFor();
  const saved = readFileSync(join(gateway.tree.root, "data/config.json"), "utf8");
  for (const part of ['"theirs"', '"10.143.0.41"']) assert.ok(saved.includes(part), saved);
  // a field that was left alone shows what holds
  await becomes("name", () => form.getByLabel(strings.station.name, { exact: true }).inputValue(), "theirs");
});

check("a station is renamed and gets a reserved address; a mistake is told", async ({ page, gateway }) => {
  const form = page.getByTestId("station-settings");
  const name = form.getByLabel(strings.station.name, { exact: true });
  await name.fill(HOSTILE);
  await button(page, strings.station.save).click();
  await fails(page, "body-invalid");
  await name.fill("node-1");
  await form.getByLabel(strings.station.reserve).fill("10.9.9.9");
  await button(page, strings.station.save).click();
  await fails(page, "station-change-invalid");
  await form.getByLabel(strings.station.reserve).fill("10.143.0.40");
  await button(page, strings.station.save).click();
  await form.getByText(strings.station.saved).waitFor();
  await becomes("heading", () => page.getByRole("heading", { level: 1 }).textContent(), "node-1");
  await shows(page, "addresses", "10.143.0.40");
  assert.match(readFileSync(join(gateway.tree.root, "data/config.json"), "utf8"), /"node-1"/);
  assert.is(await page.getByTestId("transaction-end").count(), 0);
});

check("blocking says what it does, is asked once more, and can be taken back", async ({ page }) => {
  await button(page, strings.station.block).click();
  const question = page.getByRole("alertdialog");
  assert.ok(((await question.textContent()) ?? "").includes("node-1"));
  await page.keyboard.press("Escape");
  await becomes("questions", () => question.count(), 0);
  await becomes("focus", () => focused(page), strings.station.block);
  await button(page, strings.station.block).click();
  await question.getByRole("button", { name: strings.station.block }).click();
  await eventually("blocked", async () => (await text(page, "station-state")) === strings.states["blocked"]);
  await becomes("focus", () => focused(page), strings.station.allow);
  await inspect(page, "station-blocked");
  await button(page, strings.station.allow).click();
  await page.getByRole("alertdialog").getByRole("button", { name: strings.station.allow }).click();
  await eventually("allowed", async () => (await text(page, "station-state")) === "up");
});

check("settings go by the initiator, and by the address again", async ({ page, gateway }) => {
  const entry = () => {
    const { segments } = JSON.parse(gateway.tree.read("data/config.json") ?? "") as {
      segments: { stations: { address?: string; initiator?: string; name: string }[] }[];
    };
    const [{ address, initiator, name } = { name: "" }] = segments[0]?.stations ?? [];
    return { address, initiator, name };
  };
  const choice = page.getByLabel(strings.station.byInitiator(INITIATOR));
  await choice.click();
  await becomes("settings", async () => entry(), { address: undefined, initiator: INITIATOR, name: "node-1" });
  await page.getByText(strings.station.saved).waitFor(); // until then, it takes no click
  await inspect(page, "station-by-initiator");
  await choice.click();
  await becomes("settings", async () => entry(), { address: STATION_A, initiator: undefined, name: "node-1" });
});

check("ping, throughput without a server and with one", async (context) => {
  const { page } = context;
  await button(page, strings.station.pingRun).click();
  await shows(page, "ping", "9 of 10 came back, 10 % lost", "0.5 / 1.25 / 4 ms");
  await button(page, strings.station.throughputRun).click();
  await fails(page, "station-no-server", "throughput");
  await shows(page, "throughput", "iperf3 -s");
  context.iperf = IPERF;
  await button(page, strings.station.throughputRun).click();
  await shows(page, "throughput", "940 Mbit/s to the station");
});

check("a capture is started, stopped, downloaded and dropped", async ({ page }) => {
  await button(page, strings.station.captureStart).click();
  await shows(page, "capture", "1 packet,");
  // what changes each second is not read out
  assert.not.match((await page.getByTestId("capture").locator("output").textContent()) ?? "", /packet/);
  await button(page, strings.station.captureStop).click();
  await page.getByText(strings.station.captureReasons["asked"] ?? "").waitFor();
  await inspect(page, "station-checked");
  assert.equal(await download(page, strings.station.captureGet), RECORDING);
  await button(page, strings.station.captureDrop).click();
  await eventually(
    "dropped",
    async () => (await page.getByRole("link", { name: strings.station.captureGet }).count()) === 0,
  );
});

check("a capture that another session started is shown, and not ended in the place of one's own", async ({ page }) => {
  await button(page, strings.station.captureStart).click();
  await button(page, strings.station.captureStop).click();
  const discard = button(page, strings.station.captureDrop);
  await discard.waitFor();
  // the page learns nothing of what happens now
  const before = await elsewhere(page, "GET", "/api/v1/capture");
  await page.route("**/api/v1/capture", (route) => route.fulfill({ json: before }));
  await elsewhere(page, "POST", `/api/v1/stations/${encodeURIComponent(STATION_B)}/capture`, {});
  await discard.click();
  await fails(page, "capture-missing");
  await page.unroute("**/api/v1/capture");
  await shows(page, "capture", strings.station.captureOther(STATION_B));
  await button(page, strings.station.captureStop).click();
  await becomes("captures shown", () => page.getByTestId("capture").locator("output").textContent(), "");
});

check(
  "what the network says is text, never markup; what is not there is said",
  async ({ page, url, gateway, complaints }) => {
    writePeer(gateway.tree, "seg0", STATION_B, { name: HOSTILE, mode: HOSTILE, state: HOSTILE });
    gateway.tree.write({ [`sys/class/net/seg0/ipscsi/peers/${STATION_B}/features`]: HOSTILE.replaceAll(" ", "/") });
    gateway.tree.write({ [`sys/class/net/seg0/ipscsi/peers/${STATION_B}/nexus`]: HOSTILE });
    await page.goto(`${url}#/stations`);
    await shows(page, `row-${STATION_B}`, "<img src=x");
    await page.getByTestId(`row-${STATION_B}`).getByRole("link").click();
    await eventually("as title", async () => (await page.getByRole("heading", { level: 1 }).textContent()) === HOSTILE);
    await shows(page, "identity", "<img");
    assert.is(await page.locator("main img").count(), 0);
    await becomes("title", () => page.title(), `${strings.pages.station} · gateway`);
    for (const [target, said] of [
      ["station/seg0/%3Cimg%20src=x%3E", "There is no station"],
      ["station/seg0/%zz", "There is no station"],
      ["segment/%3Cimg%20src=x%3E", "There is no segment <img src=x>"],
    ] as const) {
      await page.goto(`${url}#/${target}`);
      await page.getByText(said).first().waitFor();
      assert.is(await page.locator("main img").count(), 0);
    }
    assert.equal(complaints, []);
  },
);

check(
  "a station that is only known by its settings is listed, and can be allowed again",
  async ({ page, url, gateway }) => {
    await page.goto(`${url}#/station/seg0/${encodeURIComponent(STATION_A)}`);
    await page.getByTestId("station-state").waitFor();
    gateway.tree.remove(`sys/class/net/seg0/ipscsi/peers/${STATION_A}`);
    await page.goto(`${url}#/stations`);
    await shows(page, `row-${STATION_A}`, strings.states["absent"] ?? "");
    await inspect(page, "stations-absent");
  },
);

check("dark, and at rest where motion is not wanted", async ({ url, gateway, browser }) => {
  const context = await openBrowser("dark");
  try {
    const page = await context.context.newPage();
    await page.emulateMedia({ reducedMotion: "reduce", colorScheme: "dark" });
    await page.goto(url);
    await context.context.addCookies(await browser.context.cookies());
    await page.goto(`${url}#/segment/seg0`);
    await page.reload();
    await page.getByTestId("history").locator("canvas").first().waitFor();
    await inspect(page, "segment-dark");
    assert.ok(gateway.plans.length > 0);
  } finally {
    await context.close();
  }
});

stations.run();
