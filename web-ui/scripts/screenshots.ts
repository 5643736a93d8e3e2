// SPDX-License-Identifier: Apache-2.0
/** Pictures of every page at both widths, of a gateway in the middle of its work, for docs/screenshots. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { openBrowser } from "../test/support/browser.ts";
import { PASSWORD, startDemo, USER } from "../test/support/demo.ts";

/** Of a picture, bytes: a repository keeps each version for ever. */
const LARGEST = 60 * 1024;
/** Of a long page the beginning, pixels. */
const TALLEST = 1700;
/** Wide pictures are made smaller: they stay readable, and are half the size. */
const SCALES: Record<string, number> = { 360: 1, 1440: 0.75 };
/** The first that is small enough is taken. */
const QUALITIES = [0.85, 0.7, 0.5, 0.35, 0.2];
const WIDTHS = { 360: 740, 1440: 900 } as const;
/** Until rates, sparklines and the broker have something to show, milliseconds. */
const SETTLE_MS = Number(process.env["SETTLE_MS"] ?? 20_000);

const LINKS = `[...document.querySelectorAll("nav a")].map((link) => link.getAttribute("href")).join(" ")`;

const root = join(import.meta.dirname, "..");
const target = join(root, "../docs/screenshots");
const originals = join(root, "../build/web-ui/screenshots");
for (const folder of [target, originals]) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
}

const demo = await startDemo(join(root, "dist"));
const browser = await openBrowser();
try {
  const page = await browser.context.newPage();
  const press = await browser.context.newPage(); // without the page's content policy: it makes WebP of PNG
  await page.goto(demo.url);
  const form = page.getByTestId("login");
  await shoot(page, press, "login");
  await form.getByLabel("Name").fill(USER);
  await form.getByLabel("Password").fill(PASSWORD);
  await form.getByRole("button").click();
  await page.getByTestId("map").waitFor();
  await page.waitForTimeout(SETTLE_MS);
  for (const name of ["setup", ...(await pages(page))]) {
    await page.goto(`${demo.url}#/${name}`);
    await page.waitForTimeout(3500);
    await shoot(page, press, name.replaceAll("/", "-"));
    if (name === "stations") await inner(page, press);
    if (name !== "setup") continue;
    await page.getByRole("button", { name: "Next" }).click();
    await page.getByTestId("setup-network").waitFor();
    await shoot(page, press, "setup-network");
    // Else each page says that the setup is not finished.
    await page.goto(demo.url);
    await page.getByRole("button", { name: "Leave it as it is" }).click();
  }
} finally {
  await browser.close();
  await demo.stop();
}

/** The pages of one station and of its segment. */
async function inner(page: Page, press: Page): Promise<void> {
  const [address] = Object.keys(demo.stations);
  await page.goto(`${demo.url}#/station/seg0/${encodeURIComponent(address ?? "")}`);
  await page.waitForTimeout(3500);
  await shoot(page, press, "station");
  await page.goto(`${demo.url}#/segment/seg0`);
  await page.waitForTimeout(3500);
  await shoot(page, press, "segment");
}

/** What the navigation leads to. */
async function pages(page: Page): Promise<string[]> {
  const links = async () => String(await page.evaluate(LINKS)).split(" ");
  const all = await links();
  for (const section of ["#/settings/", "#/system/"]) {
    await page.goto(`${demo.url}${all.find((link) => link.startsWith(section)) ?? ""}`);
    await page.waitForTimeout(1000);
    all.push(...(await links()));
  }
  return [...new Set(all)].map((link) => link.replace("#/", ""));
}

async function shoot(page: Page, press: Page, name: string): Promise<void> {
  for (const [width, height] of Object.entries(WIDTHS)) {
    await page.setViewportSize({ width: Number(width), height });
    await page.waitForTimeout(400); // charts follow the width
    const whole = Number(await page.evaluate("document.documentElement.scrollHeight"));
    const clip = { x: 0, y: 0, width: Number(width), height: Math.min(whole, TALLEST) };
    const png = await page.screenshot({ fullPage: true, clip });
    writeFileSync(join(originals, `${name}-${width}.png`), png);
    for (const quality of QUALITIES) {
      const webp = await convert(press, png, quality, SCALES[width] ?? 1);
      if (webp.length > LARGEST && quality !== QUALITIES.at(-1)) continue;
      writeFileSync(join(target, `${name}-${width}.webp`), webp);
      console.log(`${name}-${width}.webp ${webp.length} bytes`);
      break;
    }
  }
}

async function convert(press: Page, png: Buffer, quality: number, scale: number): Promise<Buffer> {
  const url = await press.evaluate(
    `(async () => {
      const image = new Image();
      image.src = "data:image/png;base64,${png.toString("base64")}";
      await image.decode();
      const [width, height] = [image.width * ${scale}, image.height * ${scale}];
      const canvas = Object.assign(document.createElement("canvas"), { width, height });
      const context = canvas.getContext("2d");
      context.imageSmoothingQuality = "high";
      context.drawImage(image, 0, 0, width, height);
      return canvas.toDataURL("image/webp", ${quality});
    })()`,
  );
  return Buffer.from(String(url).split(",")[1] ?? "", "base64");
}
