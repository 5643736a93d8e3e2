// SPDX-License-Identifier: Apache-2.0
/** A change through what comes between: other pages of the same browser, another session, a failure, the keyboard. */
import { startGateway, type TestGateway } from "@scsigate/appliance/testing";
import type { Page } from "playwright-core";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { strings } from "../src/strings.ts";
import { hasBrowser } from "./support/browser.ts";
import { makeAdministrator } from "./support/demo.ts";
import { button, logIn, openPage, PASSWORD, type Visit, WEB } from "./support/session.ts";
import { becomes, shows } from "./support/wait.ts";

interface Context extends Visit {
  gateway: TestGateway;
  url: string;
}

const changes = suite<Context>("changes in a browser");
const check = hasBrowser ? changes : changes.skip;
/** More event streams than a browser opens connections to one gateway. */
const PAGES = 7;

changes.before(async (context) => {
  if (!hasBrowser) return;
  context.gateway = await startGateway({ config: { version: 1, hostname: "gateway" }, web: WEB });
  await makeAdministrator(context.gateway, "root");
  Object.assign(context, await openPage());
  context.url = `https://127.0.0.1:${context.gateway.service.ports.https}/`;
  await context.page.goto(`${context.url}#/settings/general`);
  await logIn(context.page, "root", PASSWORD);
  await context.page.getByTestId("field/hostname").waitFor();
});

changes.after(async (context) => {
  await context.browser?.close();
  await context.gateway?.stop();
});

/** As when another one is in front of it. */
async function turn(page: Page, hidden: boolean): Promise<void> {
  await page.evaluate(`Object.defineProperty(document, "hidden", { configurable: true, get: () => ${hidden} });
    document.dispatchEvent(new Event("visibilitychange"))`);
}

/** What another session does, at a page of its own. */
async function post(page: Page, path: string, body: unknown, method = "POST"): Promise<void> {
  const status = await page.evaluate(`fetch("/api/v1/session").then((answer) => answer.json()).then(({ csrfToken }) =>
    fetch(${JSON.stringify(path)}, { method: ${JSON.stringify(method)}, body: ${JSON.stringify(JSON.stringify(body))},
      headers: { "If-Match": "*", "Content-Type": "application/json", "X-CSRF-Token": csrfToken } }))
    .then((answer) => answer.status)`);
  assert.ok(Number(status) < 300, `${path} gives ${status}`);
}

function focused(page: Page): Promise<unknown> {
  return page.evaluate("document.activeElement.id");
}

check("pages that nobody sees leave the connections to the one that is seen", async ({ browser, page, url }) => {
  const others: Page[] = [];
  await turn(page, true);
  for (let at = 1; at < PAGES; at++) {
    const other = await browser.context.newPage();
    others.push(other);
    await other.goto(url);
    await shows(other, "connection", strings.connection.live);
    await turn(other, true);
  }
  await turn(page, false);
  await shows(page, "connection", strings.connection.live);
  await Promise.all(others.map((other) => other.close()));
});

check(
  "a decision whose connection is cut, as a change of the firewall does it, is sent again",
  async ({ page, url }) => {
    await page.goto(`${url}#/settings/general`);
    await post(page, "/api/v1/config", { hostname: "kept-once" }, "PATCH");
    let cut = 0;
    await page.route("**/api/v1/config/confirm", (route) => {
      cut += 1;
      return cut === 1 ? route.abort() : route.continue();
    });
    await button(page, strings.transaction.keep).click();
    await shows(page, "transaction-end", strings.transaction.confirmed);
    assert.is(cut, 2);
    await page.unroute("**/api/v1/config/confirm");
    await button(page, strings.transaction.close).click();
    await post(page, "/api/v1/config", { hostname: "gateway" }, "PATCH");
    await button(page, strings.transaction.keep).click();
    await shows(page, "transaction-end", strings.transaction.confirmed);
    await button(page, strings.transaction.close).click();
  },
);

check("a login at another page leaves this one at work", async ({ browser, page, url }) => {
  const other = await browser.context.newPage();
  await other.goto(url);
  await post(other, "/api/v1/login", { name: "root", password: PASSWORD });
  await other.close();
  await page.getByTestId("field/hostname").fill("typed");
  await shows(page, "plan", "Host name", "typed", strings.plan.effects);
});

check("a change that is undone leaves what was typed, and its failures behind", async ({ browser, page, url }) => {
  const field = page.getByTestId("field/hostname");
  await button(page, strings.plan.apply).click();
  await page.getByTestId("countdown").waitFor();
  await becomes("focus", () => focused(page), "transaction-title");
  await becomes("disabled", () => field.isDisabled(), true);
  assert.is(await field.inputValue(), "typed");
  await page.route("**/api/v1/config/confirm", (route) => route.abort());
  await button(page, strings.transaction.keep).click();
  await shows(page, "transaction", strings.noAnswer.title);
  await page.unroute("**/api/v1/config/confirm");
  const other = await browser.context.newPage();
  await other.goto(url);
  await other.getByTestId("map").waitFor();
  await post(other, "/api/v1/config/rollback", {});
  await shows(page, "transaction-end", strings.transaction["rolled-back"], String(new Date().getFullYear()));
  await becomes("focus", () => focused(page), "page-title");
  await becomes("enabled", () => field.isDisabled(), false);
  assert.is(await field.inputValue(), "typed");
  await post(other, "/api/v1/config", { hostname: "third" }, "PATCH");
  await page.getByTestId("countdown").waitFor();
  assert.is(await page.getByTestId("transaction").getByTestId("problem").count(), 0);
  await other.close();
  await button(page, strings.transaction.undo).click();
  await button(page, strings.transaction.close).click();
  await becomes("focus", () => focused(page), "page-title");
});

check("what was typed is applied again as it is, and kept", async ({ page, complaints }) => {
  await becomes("checked", () => button(page, strings.plan.apply).isDisabled(), false);
  await button(page, strings.plan.apply).click();
  await button(page, strings.transaction.keep).click();
  await shows(page, "transaction-end", strings.transaction.confirmed);
  await becomes("focus", () => focused(page), "page-title");
  await becomes("bars", () => page.getByTestId("plan").count(), 0);
  assert.is(await page.getByTestId("field/hostname").inputValue(), "typed");
  await page.getByTestId("field/hostname").fill("next");
  await shows(page, "plan", "typed", "next", strings.plan.effects);
  await button(page, strings.plan.apply).click(); // of the document as it is now: no conflict
  await page.getByTestId("countdown").waitFor();
  await button(page, strings.transaction.undo).click();
  await button(page, strings.transaction.close).click();
  assert.equal(complaints, []);
});

check("edits are not there for the next user", async ({ page, complaints }) => {
  await becomes("typed", () => page.getByTestId("field/hostname").inputValue(), "next");
  await page.getByTestId("logout").click();
  await page.getByTestId("login").waitFor();
  assert.is(await page.getByTestId("field/hostname").count(), 0);
  await logIn(page, "root", PASSWORD);
  await becomes("hostname", () => page.getByTestId("field/hostname").inputValue(), "typed");
  assert.equal(complaints, []);
});

changes.run();
