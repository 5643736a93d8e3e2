// SPDX-License-Identifier: Apache-2.0
/** What an administrator does, from the first start to the factory reset, in order and on one gateway. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { STATION_A, startGateway, type TestGateway, writePeer } from "@scsigate/appliance/testing";
import type { Route } from "playwright-core";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { strings } from "../src/strings.ts";
import { hasBrowser } from "./support/browser.ts";
import { setupToken } from "./support/demo.ts";
import {
  button,
  download,
  HOSTILE,
  inspect,
  logIn,
  openPage,
  PASSWORD,
  SHOTS,
  type Visit,
  WEB,
} from "./support/session.ts";
import { becomes, eventually, fails, shows, text } from "./support/wait.ts";

interface Context extends Visit {
  gateway: TestGateway;
  url: string;
}

const flows = suite<Context>("flows in a browser");
const check = hasBrowser ? flows : flows.skip;

flows.before(async (context) => {
  if (!hasBrowser) return;
  mkdirSync(SHOTS, { recursive: true });
  context.gateway = await startGateway({ config: { version: 1, hostname: "gateway" }, web: WEB });
  Object.assign(context, await openPage());
  context.url = `https://127.0.0.1:${context.gateway.service.ports.https}/`;
  await context.page.goto(context.url);
});

flows.after(async (context) => {
  await context.browser?.close();
  await context.gateway?.stop();
});

check("setup: a wrong token is refused with code, cause and next step", async ({ page }) => {
  await page.getByRole("link", { name: strings.setup.start }).click();
  await page.getByLabel(strings.setup.token).fill("aaaa-bbbb-cccc-dddd-eeee");
  await page.getByLabel(strings.setup.name).fill("root");
  await page.getByLabel(strings.setup.password, { exact: true }).fill(PASSWORD);
  await page.getByLabel(strings.setup.repeat).fill(PASSWORD);
  await button(page, strings.setup.create).click();
  await fails(page, "login-wrong");
  await shows(page, "problem", "This is not the token");
  await inspect(page, "setup-administrator");
});

check("setup: administrator, mode with live addresses, summary, apply, keep, first station", async (context) => {
  const { page, gateway } = context;
  await page.getByLabel(strings.setup.token).fill(setupToken(gateway));
  await button(page, strings.setup.create).click();
  await page.getByTestId("setup-basics").waitFor();
  await page.getByTestId("setup-hostname").fill(HOSTILE);
  await button(page, strings.setup.next).click();
  await shows(page, "problem", "Host name");
  await page.getByTestId("setup-hostname").fill("gateway");
  await inspect(page, "setup-basics");
  await button(page, strings.setup.next).click();
  await page.getByTestId("setup-network").waitFor();
  await shows(page, "addresses-routed", "10.143.0.0/24 via 10.0.2.20");
  await page.getByRole("radio", { name: strings.modes["proxy"] ?? "" }).check();
  await becomes("setup-part", () => page.getByTestId("setup-part").inputValue(), "10.0.2.241/28");
  await page.getByRole("radio", { name: strings.modes["nat"] ?? "" }).check();
  await inspect(page, "setup-network");
  await button(page, strings.setup.next).click();
  await page.getByTestId("setup-segment").waitFor();
  await inspect(page, "setup-segment");
  await button(page, strings.setup.next).click();
  await page.getByTestId("setup-telemetry").waitFor();
  await inspect(page, "setup-telemetry");
  await button(page, strings.setup.next).click();
  await shows(page, "setup-summary", strings.system.mode);
  await inspect(page, "setup-summary");
  await button(page, strings.plan.apply).click();
  await page.getByTestId("countdown").waitFor();
  await button(page, strings.transaction.keep).click();
  await page.getByTestId("setup-done").waitFor();
  await shows(page, "setup-done", "station-a");
  await inspect(page, "setup-done");
  await page.getByRole("link", { name: strings.setup.toOverview }).click();
  await button(page, strings.transaction.close).click();
});

check("overview: the map shows gateway, LAN and stations; names are text", async ({ page, gateway, complaints }) => {
  writePeer(gateway.tree, "seg0", STATION_A, { name: HOSTILE });
  await eventually("station on the map", async () => {
    const map = (await page.getByTestId("map").textContent()) ?? "";
    return map.includes("<img src=x") && map.includes("10.0.2.20/24") && map.includes("gateway");
  });
  await inspect(page, "overview");
  assert.equal(complaints, []);
  writePeer(gateway.tree, "seg0", STATION_A, { name: "station-a" });
});

check(
  "logout hides everything; a wrong password is explained; login leads to the page that was asked for",
  async (c) => {
    const { page } = c;
    await page.getByTestId("logout").click();
    await page.getByTestId("login").waitFor();
    assert.is(await page.getByTestId("map").count(), 0);
    await shows(page, "connection", strings.connection.idle);
    await inspect(page, "login");
    await page.goto(`${c.url}#/settings/lan`);
    await logIn(page, "root", "wrong password");
    await fails(page, "login-wrong");
    await logIn(page, "root", PASSWORD);
    await page.getByTestId("section-lan").waitFor();
  },
);

check("settings: a mistake is told at its field and cannot be applied", async ({ page, url }) => {
  await page.goto(`${url}#/settings/general`);
  const field = page.getByTestId("field/hostname");
  await field.fill(HOSTILE);
  await eventually("marked", async () => (await field.getAttribute("aria-invalid")) === "true");
  await shows(page, "problem", strings.listed.titles["config-invalid"] ?? "", "Host name:");
  await becomes("disabled", () => button(page, strings.plan.apply).isDisabled(), true);
  await inspect(page, "settings-mistake");
  // It is cleared by typing, before the gateway has said anything of what is typed now.
  let asked: Route | undefined;
  await page.route("**/api/v1/config/plan", (route) => {
    asked = route;
  });
  await field.fill(`${HOSTILE}!`);
  await becomes("problems", () => page.getByTestId("problem").count(), 0);
  await eventually("the gateway is asked", () => asked !== undefined);
  assert.is(await page.getByTestId("problem").count(), 0);
  await asked?.continue();
  await page.unroute("**/api/v1/config/plan");
  await button(page, strings.plan.discard).click();
  assert.is(await page.getByTestId("plan").count(), 0);
});

check(
  "settings: the diff comes first, the countdown survives a reload, and keeping keeps",
  async ({ page, gateway }) => {
    await page.getByTestId("field/hostname").fill("box");
    await shows(page, "plan", "Host name", "gateway", "box", strings.plan.effects, strings.plan.count(1));
    await inspect(page, "settings-general");
    await button(page, strings.plan.apply).click();
    await page.getByTestId("countdown").waitFor();
    await page.reload();
    assert.match(await text(page, "countdown"), /in \d+ s/);
    await inspect(page, "countdown");
    await button(page, strings.transaction.keep).click();
    await shows(page, "transaction-end", strings.transaction.confirmed);
    await eventually("kept", async () => (await page.getByTestId("field/hostname").inputValue()) === "box");
    assert.match(readFileSync(join(gateway.tree.root, "data/config.json"), "utf8"), /"box"/);
    await button(page, strings.transaction.close).click();
  },
);

check("settings: undone on request, and by itself when nobody keeps it; another session sees it", async (context) => {
  const { page, browser, url } = context;
  await page.getByTestId("field/hostname").fill("other");
  await shows(page, "plan", "Host name");
  await button(page, strings.plan.apply).click();
  await button(page, strings.transaction.undo).click();
  await shows(page, "transaction-end", strings.transaction["rolled-back"]);
  await button(page, strings.transaction.close).click();
  const second = await browser.context.newPage();
  await second.goto(url);
  await second.getByTestId("map").waitFor();
  await second.evaluate(`fetch("/api/v1/session").then((answer) => answer.json()).then(({ csrfToken }) =>
    fetch("/api/v1/config?confirmSeconds=10", { method: "PATCH", body: '{"hostname":"third"}',
      headers: { "If-Match": "*", "Content-Type": "application/json", "X-CSRF-Token": csrfToken } }))`);
  assert.match(await text(page, "countdown"), /in \d+ s/);
  await eventually("undone", async () => (await page.getByTestId("transaction-end").count()) === 1, 90_000);
  await shows(page, "transaction-end", "not confirmed in time");
  await second.close();
  await button(page, strings.transaction.close).click();
});

check("settings: a choice keeps what was typed into its other forms", async ({ page, url }) => {
  await page.goto(`${url}#/settings/segments`);
  const segment = page.getByTestId("entry/segments/0");
  const fabric = segment.getByTestId("field/segments/0/fabric/type");
  const target = segment.getByTestId("field/segments/0/fabric/target");
  const wrong = segment.locator('[aria-invalid="true"]');
  await fabric.selectOption("iscsi");
  await eventually("what is missing is told at its field", async () => (await wrong.count()) > 0);
  assert.is(await segment.getByTestId("field/segments/0/fabric/open").count(), 0, "what cannot work is not offered");
  await target.fill("iqn.2026-11.org.example:mine");
  await fabric.selectOption("qla2xxx");
  await fabric.selectOption("iscsi");
  assert.is(await target.inputValue(), "iqn.2026-11.org.example:mine");
  await inspect(page, "settings-segments");
  await button(page, strings.plan.discard).click();
});

check("settings: a list entry with a choice can be added; a conflict says what to do", async ({ page }) => {
  const fabric = page.getByTestId("entry/segments/0").getByTestId("field/segments/0/fabric/type");
  await fabric.selectOption("loop");
  await shows(page, "plan", "seg0 › Fabric");
  await page.route("**/api/v1/config?*", (route) =>
    route.continue({ headers: { ...route.request().headers(), "if-match": '"old"' } }),
  );
  await button(page, strings.plan.apply).click();
  await shows(page, "problem", strings.titles["config-conflict"] ?? "", strings.nextSteps["config-conflict"] ?? "");
  await page.unroute("**/api/v1/config?*");
  assert.is(await fabric.inputValue(), "loop", "nothing is lost");
  await button(page, strings.plan.discard).click();
});

check("system: log lines are text, found by search and by level", async ({ page, url, gateway }) => {
  gateway.logs.write(`${JSON.stringify({ level: "error", time: "2026-11-22T10:00:00Z", msg: HOSTILE })}\n`);
  await page.goto(`${url}#/system/logs`);
  await page.getByLabel(strings.logs.search).fill("onerror");
  await eventually("one line", async () => (await page.getByTestId("log").locator("li").count()) === 1);
  await shows(page, "log", HOSTILE);
  assert.is(await page.locator("main img").count(), 0);
  await page.getByLabel(strings.logs.search).fill("");
  await inspect(page, "log");
  // What comes is read by itself, and put where it belongs; what is there stays, as it is.
  const lines = page.getByTestId("log").locator("li");
  await page.evaluate("document.querySelector('[data-testid=log] li').marked = true");
  const asked: string[] = [];
  page.on("request", (request) => asked.push(request.url()));
  const write = (msg: string) =>
    gateway.logs.write(`${JSON.stringify({ level: "info", time: "2026-11-22T10:00:01Z", msg })}\n`);
  write("first of two");
  write("second of two");
  await eventually("new lines", async () => ((await lines.first().textContent()) ?? "").includes("second of two"));
  assert.match((await lines.nth(1).textContent()) ?? "", "first of two");
  assert.is(await page.evaluate("document.querySelectorAll('[data-testid=log] li')[2].marked"), true);
  assert.ok(asked.filter((one) => one.includes("/api/v1/logs")).every((one) => one.includes("after=")));
  page.removeAllListeners("request");
  // Calls of the API are by themselves.
  assert.is(await lines.filter({ hasText: "method=POST" }).count(), 0);
  await page.getByLabel(strings.logs.kind).selectOption("requests");
  await eventually("requests", async () => (await lines.filter({ hasText: "method=POST" }).count()) > 0);
  assert.is(await lines.filter({ hasNotText: "method=" }).count(), 0);
  await page.getByLabel(strings.logs.kind).selectOption("all");
  await eventually("both", async () => (await lines.filter({ hasText: "second of two" }).count()) === 1);
  assert.match((await download(page, strings.logs.download)).toString(), '"msg":"second of two"');
  // One form of times, in the zone that the page names.
  const shown = (await lines.first().textContent()) ?? "";
  assert.match(shown, /^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} /);
  await shows(page, "zone", Intl.DateTimeFormat().resolvedOptions().timeZone);
});

check("system: a backup is downloaded, and restored with a preview", async ({ page, url }) => {
  await page.goto(`${url}#/system/backup`);
  const backup = JSON.parse((await download(page, strings.backup.link)).toString()) as { document: object };
  assert.is((backup.document as { hostname: string }).hostname, "box");
  const file = join(SHOTS, "backup.json");
  await page.getByLabel(strings.backup.file).setInputFiles({
    name: "other.json",
    mimeType: "application/json",
    buffer: Buffer.from("no backup"),
  });
  await fails(page, "not-a-backup");
  // The last one chosen counts, however long another one takes.
  let wrong: Route | undefined;
  await page.route("**/api/v1/restore/plan", async (route) => {
    if (wrong === undefined) wrong = route;
    else await route.continue();
  });
  await page.getByLabel(strings.backup.file).setInputFiles({
    name: "wrong.json",
    mimeType: "application/json",
    buffer: Buffer.from(JSON.stringify({ ...backup, document: { ...backup.document, hostname: "wrong" } })),
  });
  await eventually("the wrong one is planned", () => wrong !== undefined);
  writeFileSync(file, JSON.stringify({ ...backup, document: { ...backup.document, hostname: "restored" } }));
  await page.getByLabel(strings.backup.file).setInputFiles(file);
  await shows(page, "restore", "restored");
  const planned = page.waitForResponse("**/api/v1/restore/plan");
  await wrong?.continue();
  await (await planned).finished();
  await shows(page, "restore", "restored");
  await inspect(page, "backup");
  await button(page, strings.backup.apply).click();
  await button(page, strings.transaction.undo).click();
  await button(page, strings.transaction.close).click();
});

check("system: an earlier version of the settings is looked at, and restored", async ({ page, url }) => {
  await page.goto(`${url}#/system/backup`);
  const versions = page.getByTestId("versions");
  const newest = (await versions.getByText(strings.backup.newest(0).replace("0", "")).textContent()) ?? "";
  const revision = Number(/[0-9]+$/.exec(newest)?.[0]);
  assert.ok(revision > 1, newest);
  await versions.getByRole("button", { name: strings.backup.version(revision - 1), exact: true }).click();
  await versions.getByText(strings.backup.backTo(revision - 1)).waitFor();
  await inspect(page, "versions");
  await versions.getByRole("button", { name: strings.backup.restoreVersion(revision - 1), exact: true }).click();
  await button(page, strings.transaction.keep).click();
  await button(page, strings.transaction.close).click();
  await versions.getByText(strings.backup.newest(revision + 1)).waitFor();
  await versions.getByRole("button", { name: strings.backup.version(revision), exact: true }).click();
  await versions.getByRole("button", { name: strings.backup.restoreVersion(revision), exact: true }).click();
  await button(page, strings.transaction.keep).click();
  await button(page, strings.transaction.close).click();
});

check("system: one's own password is changed with the present one, and the session goes on", async ({ page, url }) => {
  await page.goto(`${url}#/system/access`);
  const own = page.getByTestId("own-password");
  const change = async (current: string, next: string) => {
    await own.getByLabel(strings.access.current).fill(current);
    await own.getByLabel(strings.access.next).fill(next);
    await button(page, strings.access.changeOwn).click();
  };
  await change("a guess", "another good password");
  await fails(page, "password-wrong");
  await change(PASSWORD, "another good password");
  await shows(page, "own-password", strings.access.ownChanged);
  await inspect(page, "own password");
  await change("another good password", PASSWORD);
  await own.getByText(strings.access.ownChanged).waitFor();
  await page.getByTestId("users").waitFor();
});

check("system: users and keys are made, changed and removed", async ({ page, url }) => {
  await page.goto(`${url}#/system/access`);
  const form = page.getByTestId("user-form");
  await form.getByLabel(strings.access.name).fill("viewer");
  await form.getByLabel(strings.access.password).fill("short");
  await button(page, strings.access.save).click();
  await fails(page, "body-invalid");
  await form.getByLabel(strings.access.password).fill(PASSWORD);
  await button(page, strings.access.save).click();
  await page.getByTestId("user-viewer").waitFor();
  const keys = page.getByTestId("keys");
  await keys.getByLabel(strings.access.name).fill("monitoring");
  await button(page, strings.access.make).click();
  await shows(page, "key-secret", "monitoring");
  await inspect(page, "access");
  await keys.getByLabel(strings.access.name).fill("second");
  await button(page, strings.access.make).click();
  await button(page, strings.access.removeNamed("second")).click();
  await button(page, strings.access.removeNamed("monitoring")).click();
  // While one is removed, another cannot be: it would be heard by nobody.
  let removing: Route | undefined;
  await page.route("**/api/v1/keys/*", (route) => {
    removing = route;
  });
  const questions = keys.getByRole("alertdialog");
  const yes = (name: string) =>
    questions.and(page.getByLabel(strings.access.removeKey(name))).getByRole("button", { name: strings.access.remove });
  await yes("monitoring").click();
  await becomes("disabled", () => yes("second").isDisabled(), true);
  await eventually("is being removed", () => removing !== undefined);
  await removing?.continue();
  await page.unroute("**/api/v1/keys/*");
  await yes("second").click();
  await keys.getByText(strings.access.noKeys).waitFor();
});

check("a user who may only look is told so", async ({ page, url }) => {
  await page.getByTestId("logout").click();
  await logIn(page, "viewer", PASSWORD);
  await page.goto(`${url}#/system/access`);
  await page.getByText(strings.needs("admin")).waitFor();
  await page.goto(`${url}#/settings/general`);
  await page.getByTestId("field/hostname").waitFor();
  await inspect(page, "settings-read-only");
  await becomes("disabled", () => page.getByTestId("field/hostname").isDisabled(), true);
  assert.is(await page.getByTestId("plan").count(), 0);
  await page.getByTestId("logout").click();
  await logIn(page, "root", PASSWORD);
});

check("system: a factory reset that takes the page away says where it will be, before and after", async (context) => {
  const { page, url, complaints } = context;
  const address = "**/api/v1/factory-reset";
  const link = "https://scsigate.local/";
  await page.route(address, (route) =>
    route.request().method() === "POST"
      ? route.abort() // the address that the page was loaded from is gone at once
      : route.fulfill({
          json: { interface: "eth0", mac: "52:54:00:12:34:56", urls: [], localUrl: link, stays: false },
        }),
  );
  await page.goto(`${url}#/system/reset`);
  await shows(page, "reset-outlook", strings.reset.moves);
  await shows(page, "reset-outlook", link);
  await inspect(page, "reset-moves");
  await page.getByLabel(strings.reset.type(strings.reset.words)).fill(strings.reset.words);
  await button(page, strings.reset.submit).click();
  await shows(page, "reset-done", link);
  await shows(page, "reset-done", "setup-token.txt");
  await page.unroute(address);
  await page.goto(`${url}#/overview`);
  await page.getByTestId("map").waitFor();
  complaints.splice(0); // of the answer that was lost
});

check(
  "system: a factory reset wants its words typed, and leads back to the setup",
  async ({ page, url, complaints }) => {
    await page.goto(`${url}#/system/reset`);
    const reset = button(page, strings.reset.submit);
    await page.getByLabel(strings.reset.type(strings.reset.words)).fill("erase");
    await becomes("disabled", () => reset.isDisabled(), true);
    await inspect(page, "reset");
    await page.getByLabel(strings.reset.type(strings.reset.words)).fill(strings.reset.words);
    const loaded = page.waitForEvent("load"); // its certificate is new: only then does a browser ask about it
    await reset.click();
    await loaded;
    await page.getByTestId("setup-banner").waitFor();
    assert.equal(complaints, []);
  },
);

flows.run();
