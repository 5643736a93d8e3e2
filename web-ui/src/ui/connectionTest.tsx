// SPDX-License-Identifier: Apache-2.0
/** A button that has the gateway try a connection, and what came of it. */
import { useSignal } from "@preact/signals";
import type { ConnectionTest } from "@scsigate/appliance/api/diagnosis";
import { isObject, type JsonObject } from "@scsigate/appliance/json";
import { call } from "../core/api.ts";
import { strings } from "../strings.ts";
import { useAction } from "./action.ts";
import { Checks } from "./checks.tsx";
import { ProblemNotice } from "./problem.tsx";

/** The gateway takes four seconds at most for each of four steps, milliseconds. */
const PATIENCE_MS = 25_000;

export interface TryConnectionProps {
  label: string;
  path: "/api/v1/telemetry/test" | "/api/v1/syslog/test";
  /** Settings that differ from those that hold; null takes one away. */
  settings: JsonObject;
  testid: string;
}

export function TryConnection({ label, path, settings, testid }: TryConnectionProps) {
  const action = useAction();
  const result = useSignal<ConnectionTest | undefined>(undefined);
  const start = () =>
    void action.run(async () => {
      result.value = undefined;
      result.value = (await call<ConnectionTest>("POST", path, settings, {}, PATIENCE_MS)).value;
    });
  const { value } = result;
  return (
    <div class="inner" data-testid={testid}>
      <p>
        <button type="button" aria-disabled={action.busy} onClick={start}>
          {action.busy ? strings.telemetry.trying : label}
        </button>
      </p>
      <ProblemNotice problem={action.problem} />
      <div aria-live="polite">
        {value && (
          <>
            <p class={`notice ${value.ok ? "good" : "bad"}`}>
              <strong>{value.ok ? strings.telemetry.worked : strings.telemetry.failed}</strong>
            </p>
            <Checks checks={value.checks} label={label} />
          </>
        )}
      </div>
    </div>
  );
}

/** From one part of the document to another, as a merge patch. */
export function patchBetween(before: unknown, after: unknown): JsonObject {
  const target = isObject(after) ? after : {};
  const gone = isObject(before) ? Object.keys(before).filter((key) => !(key in target)) : [];
  const nested = (key: string) => {
    const value = target[key];
    return isObject(value) ? patchBetween(isObject(before) ? before[key] : undefined, value) : value;
  };
  return {
    ...Object.fromEntries(gone.map((key) => [key, null])),
    ...Object.fromEntries(Object.keys(target).map((key) => [key, nested(key)])),
  };
}
