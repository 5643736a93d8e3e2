// SPDX-License-Identifier: Apache-2.0
/** The API's routes for the configuration: reading, planning, applying, confirming, backup, reset. */
import { networkInterfaces } from "node:os";
import type { Backup } from "../../api/config.ts";
import { configSchema, SECRET_PATHS } from "../../config/schema.ts";
import { joinSecrets, parseSecrets } from "../../config/secrets.ts";
import type { Clock } from "../../shared/clock.ts";
import { asObject, getAt, isObject, type JsonObject, mergePatch } from "../../shared/json.ts";
import { CONFIRM_SECONDS, type Configuration, type Edit } from "../configuration.ts";
import type { GatewayState } from "../gatewayState.ts";
import { hasAlready, tagOf } from "./etag.ts";
import { type Answer, type ApiRequest, json, NOTHING, problem, type Route } from "./router.ts";

export interface ConfigApi {
  configuration: Configuration;
  state: GatewayState;
  clock: Clock;
  /** Everything that the owner has set, users and keys among it. */
  factoryReset: () => Promise<void>;
}

export function configRoutes({ configuration, state, clock, factoryReset }: ConfigApi): Route[] {
  const read = (): Answer => json(configuration.document, 200, { ETag: configuration.etag });
  const accepted = (transaction: unknown): Answer => json(transaction, 202, { ETag: configuration.etag });

  /** Whoever changes the document says which one they have seen. */
  const tryChange = async (request: ApiRequest, edit: Edit): Promise<Answer> => {
    const etag = request.raw.headers["if-match"];
    if (etag === undefined) {
      const nextStep = "Send the ETag of GET /api/v1/config in the header If-Match, or * for whatever is there.";
      return problem(428, "if-match-missing", "the change does not say what it is a change of", nextStep);
    }
    const seconds = Number(request.query.get("confirmSeconds") ?? CONFIRM_SECONDS.usual);
    if (!Number.isInteger(seconds) || seconds < CONFIRM_SECONDS.shortest || seconds > CONFIRM_SECONDS.longest) {
      const { shortest, longest } = CONFIRM_SECONDS;
      return problem(422, "body-invalid", "confirmSeconds is not possible", `Use ${shortest} to ${longest}.`);
    }
    return accepted(await configuration.change(edit, seconds, tagOf(etag, configuration.etag)));
  };
  /** A backup or a kept version is no change of what is there: it replaces it. */
  const tryWhole = (request: ApiRequest, document: unknown): Promise<Answer> => {
    request.raw.headers["if-match"] ??= "*";
    return tryChange(request, () => document);
  };
  const version = ({ revision = "" }: Record<string, string>) => configuration.version(Number(revision));
  const CONFIRM = { confirmSeconds: "Time for the confirmation, seconds; 10 to 3600, 120 unless told." };

  return [
    {
      method: "GET",
      path: "/api/v1/config",
      access: "read",
      summary: "The confirmed document, without secrets; its ETag goes into If-Match of a change",
      answers: { 200: "Document" },
      handler: ({ raw }) => {
        const answer = read();
        if (!hasAlready(raw.headers["if-none-match"], configuration.etag)) return answer;
        return { status: 304, headers: answer.headers ?? {} };
      },
    },
    {
      method: "GET",
      path: "/api/v1/config/effective",
      access: "read",
      summary: "What the gateway runs with: the document with its defaults, and with a change that is tried",
      answers: { 200: "Document" },
      handler: () => json(withoutSecrets(state.config.config)),
    },
    {
      method: "GET",
      path: "/api/v1/config/schema",
      access: "open",
      summary: "The document's JSON Schema",
      answers: { 200: "Document" },
      handler: () => json(configSchema),
    },
    {
      method: "GET",
      path: "/api/v1/config/secrets",
      access: "read",
      summary: "Which secrets are set; a secret itself is never shown",
      answers: { 200: "SecretNames" },
      handler: () => json(configuration.secretNames),
    },
    {
      method: "GET",
      path: "/api/v1/config/history",
      access: "read",
      summary: "The last confirmed documents, newest first",
      answers: { 200: "History" },
      handler: async () => json(await configuration.history()),
    },
    {
      method: "GET",
      path: "/api/v1/config/history/{revision}/plan",
      access: "operate",
      summary: "What restoring this version would change and disturb; nothing is done",
      answers: { 200: "Plan" },
      handler: async ({ params }) => json(await configuration.plan(await version(params))),
    },
    {
      method: "POST",
      path: "/api/v1/config/history/{revision}/restore",
      access: "admin",
      summary:
        "Tries a kept version, with the secrets that are set now: it is rolled back unless it is confirmed in time",
      query: CONFIRM,
      answers: { 202: "Transaction" },
      handler: async (request) => tryWhole(request, await version(request.params)),
    },
    {
      method: "POST",
      path: "/api/v1/config/plan",
      access: "operate",
      summary: "What applying this document would change and disturb; nothing is done",
      body: "Document",
      answers: { 200: "Plan" },
      handler: async ({ body }) => json(await configuration.plan(body)),
    },
    {
      method: "PUT",
      path: "/api/v1/config",
      access: "admin",
      summary: "Tries this document: it is rolled back unless it is confirmed in time",
      body: "Document",
      query: CONFIRM,
      answers: { 202: "Transaction" },
      handler: (request) => tryChange(request, () => request.body),
    },
    {
      method: "PATCH",
      path: "/api/v1/config",
      access: "admin",
      summary: "Tries the document with a merge patch; null at a secret removes it",
      body: "Patch",
      query: CONFIRM,
      answers: { 202: "Transaction" },
      handler: (request) => tryChange(request, (document) => patched(document, request.body)),
    },
    {
      method: "GET",
      path: "/api/v1/config/draft",
      access: "admin",
      summary: "The document that is worked on, without secrets; the confirmed one where there is none",
      answers: { 200: "Document" },
      handler: () => json(configuration.draft),
    },
    {
      method: "PUT",
      path: "/api/v1/config/draft",
      access: "admin",
      summary:
        "Puts a document aside to be applied later; it may be invalid until then, and a restart forgets it. Null at a " +
        "secret removes it",
      body: "Document",
      handler: ({ body }) => {
        configuration.setDraft(body);
        return NOTHING;
      },
    },
    {
      method: "DELETE",
      path: "/api/v1/config/draft",
      access: "admin",
      summary: "Drops the draft",
      handler: () => {
        configuration.setDraft(undefined);
        return NOTHING;
      },
    },
    {
      method: "GET",
      path: "/api/v1/config/draft/plan",
      access: "admin",
      summary: "What applying the draft would change and disturb",
      answers: { 200: "Plan" },
      handler: async () => json(await configuration.planDraft()),
    },
    {
      method: "POST",
      path: "/api/v1/config/draft/apply",
      access: "admin",
      summary: "Tries the draft, unless the confirmed document was changed since the draft was begun",
      body: "Apply",
      answers: { 202: "Transaction" },
      handler: async ({ body }) => accepted(await configuration.applyDraft(confirmSeconds(body))),
    },
    {
      method: "GET",
      path: "/api/v1/config/transaction",
      access: "read",
      summary: "The change that waits for its confirmation, or how the last one ended",
      answers: { 200: "CurrentTransaction" },
      handler: () => json({ transaction: configuration.transaction }),
    },
    {
      method: "POST",
      path: "/api/v1/config/confirm",
      access: "admin",
      summary: "Keeps the change that waits; one that is not yet active is waited for",
      body: "Decision",
      answers: { 200: "Transaction" },
      handler: async ({ body, raw, caller }) => {
        const id = idOf(body) ?? configuration.transaction?.id;
        if (caller.via !== "console") {
          await configuration.activated;
          // The change has ended the connection: its owner confirms it over another one, or is cut off.
          if (raw.socket.destroyed) return undefined;
          if (!isOwnAddress(raw.socket.localAddress ?? "", networkInterfaces())) {
            raw.socket.destroy();
            return undefined;
          }
        }
        return json(await configuration.confirm(id), 200, { ETag: configuration.etag });
      },
    },
    {
      method: "POST",
      path: "/api/v1/config/rollback",
      access: "admin",
      summary: "Gives up the change that waits",
      body: "Decision",
      answers: { 200: "Transaction" },
      handler: async ({ body }) => json(await configuration.rollback(idOf(body)), 200, { ETag: configuration.etag }),
    },
    {
      method: "GET",
      path: "/api/v1/backup",
      access: "admin",
      summary: "The configuration as a file to keep",
      query: { secrets: "true: with secrets. Keep such a file as you keep a password." },
      answers: { 200: "Backup" },
      handler: ({ query }) => {
        const backup: Backup = {
          format: "scsigate-backup/1",
          hostname: state.config.config.hostname,
          created: new Date(clock.now()).toISOString(),
          document: asObject(configuration.document),
          ...(query.get("secrets") === "true" ? { secrets: configuration.exportSecrets() } : {}),
        };
        const name = `scsigate-${backup.hostname}-${backup.created.slice(0, 10)}.json`;
        return json(backup, 200, { "Content-Disposition": `attachment; filename="${name}"` });
      },
    },
    {
      method: "POST",
      path: "/api/v1/restore/plan",
      access: "admin",
      summary: "What restoring this backup would change and disturb; nothing is done",
      body: "Backup",
      answers: { 200: "Plan" },
      handler: async ({ body }) => json(await configuration.plan(documentOf(body))),
    },
    {
      method: "POST",
      path: "/api/v1/restore",
      access: "admin",
      summary: "Tries a backup's document: it is rolled back unless it is confirmed in time",
      body: "Backup",
      query: CONFIRM,
      answers: { 202: "Transaction" },
      handler: (request) => tryWhole(request, documentOf(request.body)),
    },
    {
      method: "POST",
      path: "/api/v1/factory-reset",
      access: "admin",
      summary: "Erases configuration, secrets, users and keys; the console then shows a setup token again",
      body: "Reset",
      handler: async () => {
        await factoryReset();
        return NOTHING;
      },
    },
  ];
}

function confirmSeconds(body: unknown): number {
  const seconds = asObject(body)["confirmSeconds"];
  return typeof seconds === "number" ? seconds : CONFIRM_SECONDS.usual;
}

function idOf(body: unknown): string | undefined {
  const { id } = asObject(body);
  return typeof id === "string" ? id : undefined;
}

function documentOf(backup: unknown): unknown {
  const { document, secrets } = asObject(backup);
  return joinSecrets(document, parseSecrets(secrets));
}

/** A merge patch takes null keys away; at a secret they must stay to take the secret away as well. */
function patched(document: unknown, patch: unknown): unknown {
  const result = mergePatch(document, patch);
  for (const path of SECRET_PATHS) {
    if (getAt(patch, path) !== null) continue;
    let parent = result as JsonObject;
    for (const key of path.slice(0, -1)) {
      const next = parent[key];
      parent[key] = isObject(next) ? next : {};
      parent = parent[key] as JsonObject;
    }
    parent[path.at(-1) ?? ""] = null;
  }
  return result;
}

function withoutSecrets(config: unknown): unknown {
  const copy: unknown = structuredClone(config);
  for (const path of SECRET_PATHS) {
    const parent = getAt(copy, path.slice(0, -1));
    if (isObject(parent)) delete parent[path.at(-1) ?? ""];
  }
  return copy;
}

/**
 * Whether the gateway still has the address that a connection came to. One from before a change says nothing about whether its owner
 * finds the gateway afterwards.
 */
export function isOwnAddress(address: string, interfaces: ReturnType<typeof networkInterfaces>): boolean {
  const plain = address.replace(/^::ffff:(?=[0-9.]+$)/, "").replace(/%.*$/, "");
  if (/^127\.|^::1$/.test(plain)) return true;
  return Object.values(interfaces).some((list) => list?.some((own) => own.address === plain));
}
