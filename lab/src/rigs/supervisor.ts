// SPDX-License-Identifier: Apache-2.0
// The supervisor's command line and API, as an owner uses them.
import { LabError } from "../errors.ts";
import { waitFor } from "../time.ts";
import { controlSocket } from "../topologies/gateway.ts";
import type { Vm } from "../vm/vm.ts";

export interface Transaction {
  readonly state: string;
  readonly reason: string | null;
  readonly problems: readonly unknown[];
}

const SOCKET = `--unix-socket ${controlSocket}`;
export const CURL = `curl -s --fail-with-body ${SOCKET}`;

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

function request(method: Method, path: string, body?: object): string {
  const data = body === undefined ? "" : `-H content-type:application/json -d '${JSON.stringify(body)}'`;
  return `-X ${method} ${data} http://gateway/api/v1/${path}`;
}

/** A call of the API; the command line does the same, but each start of it is a start of Node. */
export async function api<T>(gateway: Vm, method: Method, path: string, body?: object): Promise<T> {
  const text = await gateway.ok(`${CURL} ${request(method, path, body)}`);
  return (text === "" ? undefined : JSON.parse(text)) as T;
}

/** The problem that a call ends with which is not granted. */
export function refusal(gateway: Vm, method: Method, path: string, body?: object): Promise<{ code: string }> {
  return gateway.json<{ code: string }>(`curl -s ${SOCKET} ${request(method, path, body)}`);
}

export async function transaction(gateway: Vm): Promise<Transaction> {
  return (await api<{ transaction: Transaction }>(gateway, "GET", "config/transaction")).transaction;
}

/** By path, segments.0.name; each value is JSON or a text, as on the command line. */
type Settings = Readonly<Record<string, string>>;

/** JSON, or a text. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** A copy of a document with a value set; the entry after a list's last one is a new one. */
function withValue(target: unknown, [key, ...rest]: readonly string[], value: unknown): unknown {
  if (key === undefined) return value;
  if (Array.isArray(target)) return Object.assign([...target], { [key]: withValue(target[Number(key)], rest, value) });
  const parent = (target ?? {}) as Record<string, unknown>;
  return { ...parent, [key]: withValue(parent[key], rest, value) };
}

/** Puts settings into the draft and tries it; undone after so many seconds unless it is confirmed. */
export async function apply(gateway: Vm, settings: Settings, seconds = 300): Promise<void> {
  const draft = await api<object>(gateway, "GET", "config/draft");
  const changed = Object.entries(settings).reduce<unknown>(
    (document, [name, text]) => withValue(document, name.split("."), parsed(text)),
    draft,
  );
  await api(gateway, "PUT", "config/draft", changed as object);
  await api(gateway, "POST", "config/draft/apply", { confirmSeconds: seconds });
}

/** The same, and waits until the machine is as the change wants it. */
export async function tried(gateway: Vm, settings: Settings): Promise<void> {
  await apply(gateway, settings);
  const { state, problems } = await waitFor(
    `${gateway.name} to carry the change out`,
    async () => {
      const now = await transaction(gateway);
      return now.state !== "applying" && now;
    },
    { timeout: 60_000 },
  );
  if (state !== "waiting" || problems.length > 0) {
    const what = `${gateway.name} did not take the change: ${state} ${JSON.stringify(problems)}`;
    throw new LabError("command-failed", what, "Look at its console.");
  }
}

/** The same, and keeps it. */
export async function configure(gateway: Vm, settings: Settings): Promise<void> {
  await tried(gateway, settings);
  await api(gateway, "POST", "config/confirm", {});
}
