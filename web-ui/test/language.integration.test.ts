// SPDX-License-Identifier: Apache-2.0
/** The page in German: by the browser's language, or because it was chosen. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { strings as de } from "../src/strings/de.ts";
import { strings as en } from "../src/strings/en.ts";
import { violations } from "./support/axe.ts";
import { hasBrowser, openBrowser } from "./support/browser.ts";
import { type Demo, startDemo, USER } from "./support/demo.ts";
import { stickingOut } from "./support/layout.ts";
import { button, PASSWORD, SHOTS, type Visit, WEB, watch } from "./support/session.ts";
import { becomes, eventually, shows, text } from "./support/wait.ts";

interface Context extends Visit {
  demo: Demo;
  /** Names of scripts that were loaded. */
  scripts: string[];
}

const languages = suite<Context>("languages");
const check = hasBrowser ? languages : languages.skip;

languages.before(async (context) => {
  if (!hasBrowser) return;
  mkdirSync(SHOTS, { recursive: true });
  context.demo = await startDemo(WEB);
  context.browser = await openBrowser("light", "de-AT");
  context.page = await context.browser.context.newPage();
  context.complaints = watch(context.page);
  context.scripts = [];
  context.page.on("request", (request) => {
    const name = /\/([a-z]+)-[A-Z0-9]+\.js$/.exec(request.url())?.[1];
    if (name !== undefined) context.scripts.push(name);
  });
  await context.page.goto(context.demo.url);
});

languages.after(async (context) => {
  await context.browser?.close();
  await context.demo?.stop();
});

check("a German browser gets German, and no other catalogue", async ({ page, scripts }) => {
  const form = page.getByTestId("login");
  await form.getByLabel(de.login.name).fill(USER);
  await form.getByLabel(de.login.password).fill(PASSWORD);
  await button(page, de.login.submit).click();
  await shows(page, "connection", de.connection.live);
  await page.getByTestId("map").waitFor();
  assert.is(await page.evaluate("document.documentElement.lang"), "de");
  await page.getByRole("heading", { name: de.pages.overview }).waitFor();
  assert.equal(scripts, ["main", "de"], "nothing yet that the gateway says");
});

const ADDRESSES: Record<string, string> = { station: "station/seg0/02:11:22:33:44:0a", segment: "segment/seg0" };

check("German words, which are longer, stay within their boxes", async ({ page, demo, complaints }) => {
  const found: string[] = [];
  for (const name of Object.keys(de.pages)) {
    await page.goto(`${demo.url}#/${ADDRESSES[name] ?? name}`);
    await page.locator("#page-title").waitFor();
    await becomes("what still loads", () => page.getByText(de.loading, { exact: true }).count(), 0);
    for (const width of [1440, 1024, 768, 320]) {
      await page.setViewportSize({ width, height: 900 });
      found.push(...(await stickingOut(page)).map((one) => `${name}, ${width} px: ${one}`));
    }
    found.push(...(await violations(page)).map((one) => `${name}: ${one}`));
    await page.screenshot({ path: join(SHOTS, `de-${name.replaceAll("/", "-")}-320.png`), fullPage: true });
  }
  assert.equal(found, []);
  assert.equal(complaints, []);
});

check("checks have German titles, numbers are written as in German", async ({ page, demo }) => {
  await page.goto(`${demo.url}#/diagnosis`);
  for (const id of ["lan-router", "clock", "broker"]) await shows(page, `check-${id}`, de.checkTitles[id] ?? "none");
  await page.goto(`${demo.url}#/stations`);
  await page.setViewportSize({ width: 1440, height: 900 });
  await eventually("a rate", async () => /[0-9],[0-9]+ Mbit\/s/.test(await text(page, "stations")));
});

check(
  "what the gateway says is German: what is broken, what to do, what was measured",
  async ({ page, demo, scripts }) => {
    demo.gateway.tree.write({ "sys/class/net/eth0/carrier": 0 });
    await page.goto(`${demo.url}#/overview`);
    const attention = page.getByRole("region", { name: de.health.title });
    await attention.getByText("Kein Link an eth0. Prüfen Sie das Netzkabel und den Port am Switch.").waitFor();
    await page.goto(`${demo.url}#/diagnosis`);
    await shows(page, "check-lan-link", "kein Link an eth0", "Prüfen Sie das Netzkabel und den Port am Switch.");
    await shows(page, "check-lan-address", "nicht geprüft, solange dies gestört ist: LAN-Verbindung");
    await shows(page, "check-clock", "auf 0,4 ms genau");
    demo.gateway.tree.write({ "sys/class/net/eth0/carrier": 1 });
    await attention.waitFor({ state: "detached" });
    assert.ok(scripts.includes("german"));
  },
);

check("settings are explained and refused in German, and what a change disturbs is told", async ({ page, demo }) => {
  await page.goto(`${demo.url}#/settings/general`);
  await page.getByText("Alles wird in UTC geführt; die Zone ist für Menschen.").waitFor();
  const hostname = page.getByTestId("field/hostname");
  const described = async () => {
    const ids = (await hostname.getAttribute("aria-describedby")) ?? "";
    const texts = ids.split(" ").map((id) => page.locator(`[id="${id}"]`).textContent());
    return (await Promise.all(texts)).join(" ");
  };
  await hostname.fill("-");
  await eventually("a refusal", async () =>
    (await described()).includes(
      '"-" hat nicht die richtige Form. Name des Gateways: Buchstaben, Ziffern und Bindestriche',
    ),
  );
  await hostname.fill("another");
  await page.getByTestId("plan").getByText(de.plan.review).click();
  await shows(page, "plan", "der DHCP- und DNS-Server des Segments startet neu");
  await button(page, de.plan.discard).click();
});

check("another language can be chosen, and is remembered; not while something is being edited", async (context) => {
  const { page, demo, scripts } = context;
  await page.goto(`${demo.url}#/settings/general`);
  await page.getByTestId("field/hostname").fill("edited");
  await becomes("disabled", () => page.getByTestId("language").isDisabled(), true);
  await button(page, de.plan.discard).click();
  scripts.length = 0;
  await page.getByTestId("language").selectOption("en");
  await page.getByRole("heading", { name: en.pages["settings/general"] }).waitFor();
  assert.is(await page.evaluate("document.documentElement.lang"), "en");
  await page.goto(`${demo.url}#/diagnosis`);
  await shows(page, "check-lan-link", "link on eth0");
  assert.equal(scripts, ["main", "en"]);
  await page.goto(`${demo.url}#/settings/general`);
  await page.reload();
  await page.getByRole("heading", { name: en.pages["settings/general"] }).waitFor();
  await page.getByTestId("language").selectOption("de");
  await page.getByRole("heading", { name: de.pages["settings/general"] }).waitFor();
});

languages.run();
