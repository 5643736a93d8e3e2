// SPDX-License-Identifier: Apache-2.0
// Updates of a gateway's image, over its API.
import * as assert from "uvu/assert";
import { scaled, waitFor } from "../time.ts";
import type { Vm } from "../vm/vm.ts";
import { api } from "./supervisor.ts";
import type { WebServer } from "./webServer.ts";

/** From an installed image to the end of its trial, or of three of them, milliseconds. */
const TRIAL_TIMEOUT = 300_000;
const INSTALL_TIMEOUT = 300_000;
/** Between two looks at a machine that may not be there yet, milliseconds. */
const ATTEMPT_MS = 15_000;

interface Slot {
  readonly name: string;
  readonly version: string | null;
  readonly confirmed: boolean;
  readonly mayStart: boolean;
}

interface Problem {
  readonly code: string;
  readonly message: string;
}

export interface Update {
  readonly state: string;
  readonly image: { readonly running: Slot; readonly other: Slot };
  readonly problem: Problem | null;
  readonly last: { readonly result: string; readonly problem: Problem | null } | null;
}

export function update(gateway: Vm): Promise<Update> {
  return api<Update>(gateway, "GET", "update");
}

/** Waits for the API, too: it may be starting. */
async function updateThat(gateway: Vm, what: string, is: (now: Update) => boolean, timeout: number): Promise<Update> {
  return waitFor(
    what,
    async () => {
      const now = await update(gateway).catch(() => undefined);
      return now !== undefined && is(now) && now;
    },
    { timeout, interval: 1000 },
  );
}

/** Waits until the running image is confirmed. */
export function confirmed(gateway: Vm, version?: string): Promise<Update> {
  const is = ({ image: { running } }: Update): boolean =>
    running.confirmed && (version === undefined || running.version === version);
  return updateThat(gateway, `${version ?? "the image"} to be confirmed`, is, TRIAL_TIMEOUT);
}

/** Has a bundle fetched and checked. */
export async function fetched(gateway: Vm, web: WebServer, path: string): Promise<Update> {
  await api(gateway, "POST", "update/download", { url: web.address(path) });
  const is = ({ state }: Update): boolean => state !== "receiving" && state !== "checking";
  return updateThat(gateway, "the bundle to be checked", is, INSTALL_TIMEOUT);
}

/** The same, and installed. */
export async function installed(gateway: Vm, web: WebServer, path: string): Promise<void> {
  const { state, problem } = await fetched(gateway, web, path);
  assert.is(state, "ready", JSON.stringify(problem));
  await api(gateway, "POST", "update/install", { allowDowngrade: true, restart: false });
  const is = (now: Update): boolean => now.state !== "installing";
  const end = await updateThat(gateway, "the image to be written", is, INSTALL_TIMEOUT);
  assert.is(end.state, "ready-to-restart", JSON.stringify(end.problem));
}

/** Restarts, and waits until a gateway answers whose image has that version; others may be started and given up before it. */
export async function restartedInto(gateway: Vm, version: string): Promise<Update> {
  const before = gateway.pid;
  await gateway.run("reboot");
  await waitFor("the machine to restart", () => gateway.running && gateway.pid !== before, { timeout: 90_000 });
  return waitFor(
    `${version} to run`,
    async () => {
      if (!gateway.running) return false;
      // For a short while each time: the machine that is waited for may restart meanwhile.
      const patience = scaled(gateway.spec.readySeconds * 1000) - scaled(ATTEMPT_MS);
      await gateway.ready(Date.now() - patience).catch(() => undefined);
      const now = await update(gateway).catch(() => undefined);
      return now?.image.running.version === version && now;
    },
    { timeout: TRIAL_TIMEOUT * 2, interval: 1000 },
  );
}
