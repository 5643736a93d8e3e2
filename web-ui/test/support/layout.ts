// SPDX-License-Identifier: Apache-2.0
/** Whether what a page shows stays within its boxes. */
import type { Page } from "playwright-core";

/** Run in the browser: by the debugger, since the page's content policy lets no script in. */
const SEARCH = `(async () => {
  // Charts follow the width with the next frame.
  for (let frame = 0; frame < 3; frame++) await new Promise((done) => requestAnimationFrame(done));
  const found = [];
  const wide = document.documentElement.clientWidth;
  const name = (node) => node.tagName.toLowerCase() + (node.className && typeof node.className === "string" ? "." + node.className.trim().replace(/ +/g, ".") : "") +
    (node.dataset?.testid ? "[" + node.dataset.testid + "]" : "") + " " + JSON.stringify((node.textContent ?? "").trim().slice(0, 40));
  const scrolls = (node) => node !== null && (getComputedStyle(node).overflowX !== "visible" || scrolls(node.parentElement));
  /** For screen readers only. */
  const unseen = (node) => node !== null && (node.offsetWidth <= 1 && getComputedStyle(node).overflowX === "hidden" || unseen(node.parentElement));
  for (const node of document.body.querySelectorAll("*")) {
    if (node.closest("svg, .visually-hidden, .skip, .u-wrap, option") !== null || node.getClientRects().length === 0 || unseen(node)) continue;
    const style = getComputedStyle(node);
    if (style.visibility === "hidden") continue;
    const box = node.getBoundingClientRect();
    if (box.right > wide + 1 && !scrolls(node.parentElement)) found.push("beyond the window: " + name(node));
    if (style.display === "inline" || ["INPUT", "SELECT", "TEXTAREA", "PROGRESS"].includes(node.tagName)) continue;
    if (node.scrollWidth <= node.clientWidth + 1) continue;
    if (style.overflowX === "visible") found.push("sticks out of: " + name(node) + " " + node.scrollWidth + " > " + node.clientWidth);
    if (style.overflowX === "hidden" && style.textOverflow !== "ellipsis") found.push("cut off in: " + name(node));
  }
  for (const box of document.querySelectorAll("svg a")) {
    const edge = box.querySelector("rect")?.getBoundingClientRect().right ?? Infinity;
    for (const text of box.querySelectorAll("text")) {
      if (text.getBoundingClientRect().right > edge) found.push("sticks out of its box in the drawing: " + name(text));
    }
  }
  const over = document.documentElement.scrollWidth - wide;
  if (over > 0) found.push("the page scrolls sideways by " + over);
  return found;
})()`;

/** What sticks out of its box or is cut off, at the window's present width. */
export async function stickingOut(page: Page): Promise<string[]> {
  return (await page.evaluate(SEARCH)) as string[];
}
