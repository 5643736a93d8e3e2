// SPDX-License-Identifier: Apache-2.0
/** What a person does at the page, and what is looked at on every page. */
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Locator, Page } from "playwright-core";
import * as assert from "uvu/assert";
import { strings } from "../../src/strings/en.ts";
import { violations } from "./axe.ts";
import { openBrowser, type TestBrowser } from "./browser.ts";
import { stickingOut } from "./layout.ts";

export const WEB = join(import.meta.dirname, "../../dist");
/** Where pictures go, for people to look at. */
export const SHOTS = join(import.meta.dirname, "../../../build/web-ui");
export const PASSWORD = "correct horse battery";
export const HOSTILE = "<img src=x onerror=alert(1)>";

export function button(page: Page, name: string): Locator {
  return page.getByRole("button", { name, exact: true });
}

export async function logIn(page: Page, name: string, password: string): Promise<void> {
  const form = page.getByTestId("login");
  await form.getByLabel(strings.login.name).fill(name);
  await form.getByLabel(strings.login.password).fill(password);
  await button(page, strings.login.submit).click();
}

/**
 * What a link downloads. Chromium overlooks that it does not trust the gateway's certificate for pages, not for downloads: these take a
 * connection that is there, or are given up. So one is made first.
 */
export async function download(page: Page, link: string): Promise<Buffer> {
  for (let left = 5; ; left--) {
    await page.evaluate("fetch('/version').then((answer) => answer.text())");
    const coming = page.waitForEvent("download");
    await page.getByRole("link", { name: link }).click();
    const file = await coming;
    const failure = await file.failure();
    if (failure === null) return readFileSync(await file.path());
    if (failure !== "canceled" || left === 0) throw new Error(`${link}: ${failure}`);
  }
}

/** Axe, what sticks out, and a picture, at the least and the greatest width, light and dark. */
export async function inspect(page: Page, name: string): Promise<void> {
  mkdirSync(SHOTS, { recursive: true });
  for (const width of [320, 1440]) {
    await page.setViewportSize({ width, height: 900 });
    for (const colorScheme of ["dark", "light"] as const) {
      await page.emulateMedia({ colorScheme });
      assert.equal(await violations(page), [], `${name} at ${width} px, ${colorScheme}`);
    }
    assert.equal(await stickingOut(page), [], `${name} at ${width} px`);
    await page.screenshot({ path: join(SHOTS, `${name}-${width}.png`), fullPage: true });
  }
}

/** Somebody at a page. */
export interface Visit {
  browser: TestBrowser;
  page: Page;
  /** See watch(). */
  complaints: string[];
}

/** A browser with an empty page that is watched. */
export async function openPage(): Promise<Visit> {
  const browser = await openBrowser();
  const page = await browser.context.newPage();
  return { browser, page, complaints: watch(page) };
}

/** Script errors, content that the policy blocked, and dialogs: there must be none. */
export function watch(page: Page): string[] {
  const complaints: string[] = [];
  page.setDefaultTimeout(30_000);
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    if (message.text().includes("Content Security Policy")) complaints.push(message.text());
  });
  page.on("dialog", (dialog) => {
    complaints.push(`dialog ${dialog.message()}`);
    void dialog.dismiss();
  });
  return complaints;
}
