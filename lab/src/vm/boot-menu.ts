// SPDX-License-Identifier: Apache-2.0
// Somebody at the serial line who chooses from GRUB's menu, with keys that work on every machine.
import { connect, type Socket } from "node:net";
import { waitFor } from "../time.ts";

/** Ctrl-N. With UEFI, firmware and GRUB both read the serial line, and one of them may get the middle of an arrow key's three bytes. */
const DOWN = "\x0e";
const ENTER = "\r";
/** GRUB writes a star before the entry that Enter would start, and fills its line with blanks: a title without any is half a title. */
const CHOSEN = /\*(scsigate[!-~]*(?: [!-~]+)*) {2}/g;
const MENU_TIMEOUT = 60_000;
/** Between two looks whether QEMU listens, milliseconds: the menu is there for three seconds only. */
const CONNECT_INTERVAL = 50;

/** Which entry is marked, in what the menu has written since the last key; undefined while that is still `before`. */
export function marked(text: string, before: string | undefined): string | undefined {
  return [...text.matchAll(CHOSEN)].map(([, title = ""]) => title).find((title) => title !== before);
}

function open(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => resolve(socket));
    socket.once("error", reject);
  });
}

/**
 * Chooses the entry whose title begins so. QEMU has just been started. Fails when there is no such entry in a menu within a
 * minute (scaled).
 * @param path socket of the serial line
 */
export async function chooseFromMenu(path: string, wanted: string): Promise<void> {
  const socket = await waitFor("QEMU to listen on the serial line", () => open(path), {
    timeout: MENU_TIMEOUT,
    interval: CONNECT_INTERVAL,
  });
  let text = "";
  let title: string | undefined;
  const found = (): boolean => title?.startsWith(wanted) === true;
  // As soon as it comes, not when somebody looks: the first key stops the menu's clock.
  socket.on("data", (data) => {
    text += data.toString("latin1");
    const next = found() ? undefined : marked(text, title);
    if (next === undefined) return;
    title = next;
    text = "";
    socket.write(found() ? ENTER : DOWN);
  });
  socket.on("error", () => undefined);
  try {
    await waitFor(`"${wanted}" in the boot menu`, found, { timeout: MENU_TIMEOUT });
  } finally {
    // What was written still goes out; QEMU goes on without anybody at the line.
    socket.end();
  }
}
