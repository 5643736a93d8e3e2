// SPDX-License-Identifier: Apache-2.0
/** The pages of a gateway in the middle of its work: diagnosis, telemetry at a real broker, network, certificate, restarts. */
import { gunzipSync } from "node:zlib";
import { makeCertificates } from "@scsigate/appliance/testing";
import type { Route } from "playwright-core";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { strings } from "../src/strings.ts";
import { hasBrowser } from "./support/browser.ts";
import { type Demo, startDemo, USER } from "./support/demo.ts";
import {
  button,
  download,
  HOSTILE,
  inspect,
  logIn,
  openPage,
  PASSWORD,
  type Visit,
  WEB,
  watch,
} from "./support/session.ts";
import { becomes, eventually, fails, shows, text } from "./support/wait.ts";

interface Context extends Visit {
  demo: Demo;
  url: string;
}

const pages = suite<Context>("pages at work");
const check = hasBrowser ? pages : pages.skip;

pages.before(async (context) => {
  if (!hasBrowser) return;
  context.demo = await startDemo(WEB);
  Object.assign(context, await openPage());
  context.url = context.demo.url;
  await context.page.goto(context.url);
  await logIn(context.page, USER, PASSWORD);
  await context.page.getByTestId("map").waitFor();
});

pages.after(async (context) => {
  await context.browser?.close();
  await context.demo?.stop();
});

check("diagnosis: each link with what was measured; a broken one with what to do", async ({ page, url, demo }) => {
  await page.goto(`${url}#/diagnosis`);
  await eventually("broker", async () => {
    await button(page, strings.diagnosis.again).click();
    return (await text(page, "check-broker")).includes(strings.checks.good);
  });
  const seg0 = page.getByTestId("chain-seg0");
  assert.ok((await seg0.getByTestId("check-export").textContent())?.includes("4 hosts logged in"));
  assert.ok((await seg0.getByTestId("check-station").textContent())?.includes("altair"));
  await shows(page, "check-lan-router", "10.0.2.1 answers in 0.38 ms");
  await eventually("nothing is red", async () => {
    await button(page, strings.diagnosis.again).click();
    return (await text(page, "diagnosis-summary")).includes(strings.diagnosis.summary.warn);
  });
  await inspect(page, "diagnosis");
  demo.gateway.tree.write({ "sys/class/net/eth0/carrier": 0 });
  await eventually("no link", async () => {
    await button(page, strings.diagnosis.again).click();
    return (await text(page, "check-lan-link")).includes("Check the network cable");
  });
  await shows(page, "diagnosis-summary", "LAN link");
  await shows(page, "check-lan-address", strings.checks.unknown);
  await inspect(page, "diagnosis-broken");
  demo.gateway.tree.write({ "sys/class/net/eth0/carrier": 1 });
});

check("telemetry: broker, Home Assistant and the last messages; hostile names are text", async (context) => {
  const { page, url, demo, complaints } = context;
  await page.goto(`${url}#/telemetry`);
  await shows(page, "broker", strings.mqtt.connected);
  await shows(page, "home-assistant", strings.telemetry.announced);
  const messages = page.getByTestId("messages");
  // by the topic alone: payloads name topics too
  await eventually("its payload", async () => {
    if ((await text(page, "messages")).includes('"stations_up"')) return true;
    await messages.locator("summary", { hasText: "/telemetry" }).first().click(); // newer ones may push it down meanwhile
    return false;
  });
  // What a host calls itself goes to the broker, and comes back to the page as it is.
  demo.rename(HOSTILE);
  await eventually("its name was sent", () => demo.broker.heard.some(({ payload }) => payload.includes(HOSTILE)));
  await eventually("its name is shown", async () => {
    const topic = page.locator("summary", { hasText: "/peer/02:11:22:33:44:12" });
    const peers = messages.locator("details", { has: topic });
    if ((await peers.count()) === 0) return false;
    return ((await peers.first().textContent()) ?? "").includes(HOSTILE);
  });
  assert.is(await page.locator("main img").count(), 0);
  await shows(page, "prometheus", "authorization");
  await inspect(page, "telemetry");
  assert.equal(complaints, []);
});

check("a failure of what is read again and again stays until it works", async ({ page }) => {
  let asked: Route | undefined;
  let times = 0;
  await page.route("**/api/v1/telemetry", async (route) => {
    times += 1;
    if (times === 1) await route.abort();
    else asked ??= route;
  });
  await shows(page, "problem", strings.noAnswer.title);
  await eventually("asked again", () => asked !== undefined);
  // while the gateway is asked, and longer than a frame takes
  await page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))");
  assert.is(await page.getByTestId("problem").count(), 1);
  await asked?.continue();
  await page.unroute("**/api/v1/telemetry");
  await becomes("problems", () => page.getByTestId("problem").count(), 0);
});

check("telemetry: another broker is tried before it is applied, and says what fails", async ({ page, demo }) => {
  const field = page.getByTestId("field/mqtt/url");
  await field.fill("mqtt://broker.invalid:1883");
  await button(page, strings.telemetry.tryBroker).click();
  await shows(page, "try-mqtt", "nobody knows broker.invalid", "name server");
  await field.fill("http://no");
  await button(page, strings.telemetry.tryBroker).click();
  await fails(page, "config-invalid", "try-mqtt");
  await field.fill(`mqtt://127.0.0.1:${demo.broker.port}`);
  await button(page, strings.telemetry.tryBroker).click();
  await shows(page, "try-mqtt", strings.telemetry.worked);
  await page.getByTestId("section-syslog").locator("summary").click();
  await page.getByTestId("try-syslog").getByRole("button").click();
  await shows(page, "try-syslog", "127.0.0.1:514");
  await page.getByTestId("section-snmp").locator("summary").click();
  await page.getByTestId("field/snmp/community").waitFor();
  assert.is(await page.locator('[data-testid^="try-"]').count(), 2);
});

check("telemetry: the broker goes and comes back; the page says so by itself", async ({ page, demo }) => {
  await demo.broker.kill();
  await eventually("gone", async () => (await text(page, "broker")).includes(strings.mqtt.disconnected), 60_000);
  await demo.broker.start();
  await eventually("back", async () => (await text(page, "broker")).includes(strings.mqtt.connected), 90_000);
});

check("settings that name things of the machine offer them", async ({ page, url }) => {
  await page.goto(`${url}#/settings/lan`);
  const field = page.getByTestId("field/lan/interface");
  const offers = async (): Promise<(string | null)[]> => {
    const list = await field.getAttribute("list");
    return list === null
      ? []
      : page.locator(`[id="${list}"] option`).evaluateAll((all) => all.map((one) => one.getAttribute("value")));
  };
  await eventually("the Ethernets are offered", async () => (await offers()).includes("eth0"));
  assert.is(await page.getByTestId("field/lan/interface").inputValue(), "");
});

check("network: as it is now; a firewall rule is checked while it is written", async ({ page, url }) => {
  await page.goto(`${url}#/network`);
  await shows(page, "routes", "10.0.2.1");
  await shows(page, "leases", "orion", "10.143.0.20", "02:11:22:33:44:0a");
  await page.getByRole("link", { name: strings.network.settings }).click();
  await page.goto(`${url}#/settings/firewall`);
  await button(page, strings.network.add("rule")).click();
  await page.getByTestId("field/firewall/rules/0/name").fill('no "telnet"');
  await page.getByTestId("field/firewall/rules/0/protocol").selectOption("tcp");
  await eventually("marked", async () => {
    const field = page.getByTestId("field/firewall/rules/0/name");
    return (await field.getAttribute("aria-invalid")) === "true";
  });
  await inspect(page, "settings-firewall");
  await page.getByTestId("field/firewall/rules/0/name").fill("no telnet");
  await shows(page, "entry/firewall/rules/0", strings.firewall.hits("1,234", "98.3 kB"));
  // Sides are chosen; a station's is its segment and the address that is kept for it.
  const from = page.getByTestId("field/firewall/rules/0/from");
  const station = strings.firewall.station("lab-b", "10.143.1.21", "seg1");
  await from.selectOption({ label: station });
  const source = page.getByTestId("field/firewall/rules/0/sources/0");
  assert.is(await source.inputValue(), "10.143.1.21");
  assert.is(await from.locator("option:checked").textContent(), station);
  await from.selectOption("segments");
  await becomes("no address", () => source.count(), 0);
  await page.getByTestId("field/firewall/rules/0/to").selectOption({ label: strings.firewall.segment("seg0") });
  // However many there are: what is added is open, and what somebody opened stays so; the order is theirs.
  for (const at of [1, 2]) {
    await button(page, strings.network.add("rule")).click();
    await page.getByTestId(`field/firewall/rules/${at}/name`).fill(`rule ${at}`);
  }
  assert.is(await page.getByTestId("field/firewall/rules/0/name").inputValue(), "no telnet");
  assert.ok(await page.getByTestId("field/firewall/rules/0/name").isVisible());
  await button(page, strings.network.up("Rule 2")).click();
  await becomes("first", () => page.getByTestId("field/firewall/rules/0/name").inputValue(), "rule 1");
  await shows(page, "plan", "Firewall");
  await button(page, strings.plan.discard).click();
});

check("two sessions at once: what does not conflict is merged, what does is asked about", async (context) => {
  const { page, browser, url } = context;
  await page.goto(`${url}#/settings/general`);
  await page.getByTestId("field/hostname").fill("mine");
  await page.getByTestId("field/time/serve").click();
  await shows(page, "plan", "mine", strings.plan.count(2));
  const second = await browser.context.newPage();
  const complaints = watch(second);
  await second.goto(`${url}#/settings/general`);
  await second.getByTestId("field/hostname").fill("theirs");
  await second.getByTestId("field/time/zone").fill("Europe/Berlin");
  await shows(second, "plan", "theirs", "Europe/Berlin");
  await button(second, strings.plan.apply).click();
  await second.getByTestId("countdown").waitFor();
  await page.getByTestId("countdown").waitFor();
  await becomes("disabled", () => button(page, strings.plan.apply).isDisabled(), true);
  await button(second, strings.transaction.keep).click();
  await eventually("told", async () => (await page.getByTestId("transaction-end").count()) === 1);
  await shows(page, "conflict", strings.plan.conflict("Host name"), "theirs");
  await becomes("zone", () => page.getByTestId("field/time/zone").inputValue(), "Europe/Berlin");
  assert.is(await page.getByTestId("field/hostname").inputValue(), "mine");
  await inspect(page, "settings-conflict");
  await becomes("disabled", () => button(page, strings.plan.apply).isDisabled(), true);
  await button(page, strings.plan.theirs).click();
  await becomes("field/hostname", () => page.getByTestId("field/hostname").inputValue(), "theirs");
  await shows(page, "change-count", strings.plan.count(1));
  await button(page, strings.plan.discard).click();
  await second.close();
  assert.equal(complaints, []);
});

check("certificate: what it says; a wrong one is refused, another one is taken", async ({ page, url }) => {
  await page.goto(`${url}#/system/certificate`);
  const before = await text(page, "certificate");
  assert.ok(before.includes(strings.certificate.selfSigned));
  const { signed } = makeCertificates(["localhost", "other"]);
  const [certificate = "", key = ""] = signed["localhost"] ?? [];
  const form = page.getByTestId("certificate-form");
  await form.getByLabel(strings.certificate.certificate).fill(certificate);
  await form.getByLabel(strings.certificate.key).fill(signed["other"]?.[1] ?? "");
  await button(page, strings.certificate.use).click();
  await fails(page, "certificate-invalid");
  await inspect(page, "certificate");
  await form.getByLabel(strings.certificate.key).fill(key);
  await button(page, strings.certificate.use).click();
  await shows(page, "certificate", "test CA");
  await button(page, strings.certificate.regenerateDo).click();
  await page.getByRole("alertdialog").getByRole("button", { name: strings.certificate.regenerateDo }).click();
  await shows(page, "certificate", strings.certificate.selfSigned);
  const loaded = page.waitForEvent("load");
  await button(page, strings.reload).click();
  await loaded;
  await page.getByTestId("certificate").waitFor();
});

check("maintenance: a support bundle without secrets; restarts ask first", async ({ page, url, demo }) => {
  await page.goto(`${url}#/system/maintenance`);
  const bundle = gunzipSync(await download(page, strings.maintenance.supportLink)).toString();
  for (const part of ["scsigate-support/1", "rack4-gateway"]) assert.ok(bundle.includes(part), part);
  await inspect(page, "maintenance");
  await button(page, strings.maintenance.reboot).click();
  const dialog = page.getByRole("alertdialog");
  await dialog.waitFor();
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  assert.equal(demo.asked, []);
  await button(page, strings.maintenance.restart).click();
  await dialog.getByRole("button", { name: strings.maintenance.restart }).click();
  await eventually("restart", () => demo.asked.join() === "restart");
  await becomes("focus", () => page.evaluate("document.activeElement.textContent"), strings.maintenance.restart);
  await button(page, strings.maintenance.reboot).click();
  await dialog.getByRole("button", { name: strings.maintenance.reboot }).click();
  await eventually("reboot", () => demo.asked.join() === "restart,reboot");
  await shows(page, "restarts", strings.maintenance.rebooting);
});

check(
  "a user who may only look sees the pages, and no button that would be refused",
  async ({ page, url, complaints }) => {
    await page.goto(`${url}#/system/access`);
    const form = page.getByTestId("user-form");
    await form.getByLabel(strings.access.name).fill("viewer");
    await form.getByLabel(strings.access.password).fill(PASSWORD);
    await button(page, strings.access.save).click();
    await page.getByTestId("user-viewer").waitFor();
    await page.getByTestId("logout").click();
    await logIn(page, "viewer", PASSWORD);
    await page.goto(`${url}#/diagnosis`);
    await page.getByTestId("check-broker").waitFor();
    await page.goto(`${url}#/telemetry`);
    await page.getByTestId("field/mqtt/url").waitFor();
    assert.is(await page.getByTestId("try-mqtt").count(), 0);
    await page.goto(`${url}#/system/maintenance`);
    await page.getByText(strings.needs("admin")).waitFor();
    assert.is(await page.getByTestId("restarts").count(), 0);
    await page.goto(`${url}#/system/certificate`);
    await page.getByTestId("certificate").waitFor();
    assert.is(await page.getByTestId("certificate-form").count(), 0);
    assert.equal(complaints, []);
  },
);

pages.run();
