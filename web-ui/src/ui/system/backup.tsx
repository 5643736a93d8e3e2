// SPDX-License-Identifier: Apache-2.0
/** The page Backup and restore. A restore is a change like every other: previewed, tried, kept or undone. */
import { useSignal } from "@preact/signals";
import type { ConfigPlan, Transaction } from "@scsigate/appliance/api/config";
import { isObject, type JsonObject } from "@scsigate/appliance/json";
import { useEffect, useRef } from "preact/hooks";
import { ApiError, call, problemOf } from "../../core/api.ts";
import * as format from "../../core/format.ts";
import { may } from "../../core/session.ts";
import { decided, started } from "../../core/transaction.ts";
import { strings } from "../../strings.ts";
import { useAction } from "../action.ts";
import { Apply } from "../apply.tsx";
import { CheckField } from "../fields.tsx";
import { PageTitle } from "../parts.tsx";
import { Plan } from "../plan.tsx";
import { ProblemNotice } from "../problem.tsx";

const words = strings.backup;
/** The gateway takes no longer body, bytes. */
const LONGEST_FILE = 1024 * 1024;

interface Preview {
  backup: JsonObject;
  plan: ConfigPlan;
}

export function BackupPage() {
  const secrets = useSignal(false);
  if (!may("admin")) {
    return (
      <>
        <PageTitle>{words.title}</PageTitle>
        <p>{strings.needs("admin")}</p>
      </>
    );
  }
  return (
    <>
      <PageTitle>{words.title}</PageTitle>
      <section class="card" aria-labelledby="download-title">
        <h2 id="download-title">{words.download}</h2>
        <CheckField
          label={words.secrets}
          checked={secrets.value}
          onInput={(checked) => {
            secrets.value = checked;
          }}
        />
        <p>
          <a class="button" href={`/api/v1/backup${secrets.value ? "?secrets=true" : ""}`} download>
            {words.link}
          </a>
        </p>
      </section>
      <Restore />
      <Versions />
    </>
  );
}

interface Version {
  revision: number;
  document: unknown;
}

const HISTORY = "/api/v1/config/history";

/** What was kept before each change, and the way back to it. */
function Versions() {
  const versions = useSignal<readonly Version[]>([]);
  const preview = useSignal<{ revision: number; plan: ConfigPlan } | undefined>(undefined);
  const action = useAction();
  const { value: last } = decided;
  const load = () =>
    action.run(async () => {
      preview.value = undefined;
      versions.value = (await call<Version[]>("GET", HISTORY)).value;
    });
  useEffect(() => void load(), [last?.id]);
  const show = (revision: number) =>
    action.run(async () => {
      preview.value = undefined;
      preview.value = { revision, plan: (await call<ConfigPlan>("GET", `${HISTORY}/${revision}/plan`)).value };
    });
  const restore = (revision: number, seconds: number) =>
    action.run(async () => {
      const path = `${HISTORY}/${revision}/restore?confirmSeconds=${seconds}`;
      started((await call<Transaction>("POST", path)).value);
      preview.value = undefined;
    });
  const [newest, ...earlier] = versions.value;
  const { value: current } = preview;
  return (
    <section class="card" aria-labelledby="versions-title" data-testid="versions">
      <h2 id="versions-title">{words.versions}</h2>
      <p class="muted">{words.versionsWhat}</p>
      {newest !== undefined && <p>{words.newest(newest.revision)}</p>}
      {earlier.length > 0 && (
        <p class="buttons">
          {earlier.map(({ revision }) => (
            <button
              key={revision}
              type="button"
              aria-pressed={current?.revision === revision}
              aria-disabled={action.busy}
              onClick={() => void show(revision)}
            >
              {words.version(revision)}
            </button>
          ))}
        </p>
      )}
      <ProblemNotice problem={action.problem} />
      {current && (
        <>
          <h3>{words.backTo(current.revision)}</h3>
          <Plan plan={current.plan} />
          <Apply
            label={words.restoreVersion(current.revision)}
            disabled={action.busy || current.plan.changes.length === 0}
            onApply={(seconds) => void restore(current.revision, seconds)}
          />
        </>
      )}
    </section>
  );
}

function Restore() {
  const preview = useSignal<Preview | undefined>(undefined);
  const action = useAction();
  /** Counts choices: what comes of an earlier one is of no interest. */
  const round = useRef(0);
  const choose = async (file: File | undefined) => {
    round.current += 1;
    const own = round.current;
    preview.value = undefined;
    action.fail(undefined);
    if (file === undefined) return;
    try {
      const backup = await parse(file);
      const { value: plan } = await call<ConfigPlan>("POST", "/api/v1/restore/plan", backup);
      if (own === round.current) preview.value = { backup, plan };
    } catch (error) {
      if (own === round.current) action.fail(problemOf(error));
    }
  };
  const restore = (backup: JsonObject, seconds: number) =>
    action.run(async () => {
      const path = `/api/v1/restore?confirmSeconds=${seconds}`;
      started((await call<Transaction>("POST", path, backup)).value);
      if (preview.value?.backup === backup) preview.value = undefined;
    });
  const { value: current } = preview;
  return (
    <section class="card" aria-labelledby="restore-title" data-testid="restore">
      <h2 id="restore-title">{words.restore}</h2>
      <p class="muted">{words.what}</p>
      <div class="field">
        <label for="backup-file">{words.file}</label>
        <input
          id="backup-file"
          type="file"
          accept=".json,application/json"
          onClick={(event) => {
            event.currentTarget.value = ""; // else the same file, corrected, would be no change
          }}
          onChange={(event) => void choose(event.currentTarget.files?.[0])}
        />
      </div>
      <ProblemNotice problem={action.problem} />
      {current && (
        <>
          <p>{words.of(String(current.backup["hostname"]), format.moment(String(current.backup["created"])))}</p>
          <Plan plan={current.plan} />
          <Apply
            label={words.apply}
            disabled={action.busy || current.plan.changes.length === 0}
            onApply={(seconds) => restore(current.backup, seconds)}
          />
        </>
      )}
    </section>
  );
}

/** @throws ApiError not-a-backup */
async function parse(file: File): Promise<JsonObject> {
  try {
    const value: unknown = file.size > LONGEST_FILE ? undefined : JSON.parse(await file.text());
    if (isObject(value) && value["format"] === "scsigate-backup/1") return value;
  } catch {
    // no JSON: told below
  }
  throw new ApiError({ ...words.notOne, errors: [] });
}
