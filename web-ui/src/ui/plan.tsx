// SPDX-License-Identifier: Apache-2.0
/** What a change of the configuration would do, shown before it is done. */
import type { ConfigPlan } from "@scsigate/appliance/api/config";
import { isObject } from "@scsigate/appliance/json";
import { draft, served } from "../core/configuration.ts";
import { labelOf, titleOf } from "../core/labels.ts";
import { said } from "../core/said.ts";
import { strings } from "../strings.ts";

export function Plan({ plan }: { plan: ConfigPlan }) {
  if (plan.changes.length === 0) return <p class="muted">{strings.plan.none}</p>;
  return (
    <>
      <ul class="changes">
        {plan.changes.map(({ path, before, after }) => (
          <li key={path}>
            <span title={path}>{titleOf(path, draft.value, served.value?.document)}</span>
            <span class="small muted">{strings.plan.before}</span>
            <del>
              <Value value={before} />
            </del>
            <span class="small muted">{strings.plan.after}</span>
            <ins>
              <Value value={after} />
            </ins>
          </li>
        ))}
      </ul>
      <h3>{strings.plan.effects}</h3>
      {plan.effects.length === 0 ? (
        <p class="muted">{strings.plan.noEffects}</p>
      ) : (
        <ul>
          {plan.effects.map(({ effect, what }) => (
            <li key={effect}>{said(what)}</li>
          ))}
        </ul>
      )}
      <p class="small muted">{strings.plan.operations(plan.operations.length)}</p>
    </>
  );
}

/** A setting's value, in words; of a group its settings, one below the other. */
export function Value({ value }: { value: unknown }) {
  if (value === undefined) return <em>{strings.plan.absent}</em>;
  if (typeof value === "boolean") return <>{value ? strings.plan.on : strings.plan.off}</>;
  if (Array.isArray(value)) {
    if (value.length === 0) return <em>{strings.plan.nothing}</em>;
    if (!value.some(isObject)) return <span class="mono">{value.join(", ")}</span>;
    return (
      <ol>
        {value.map((entry) => (
          <li key={JSON.stringify(entry)}>
            <Value value={entry} />
          </li>
        ))}
      </ol>
    );
  }
  if (!isObject(value)) return <span class="mono">{String(value)}</span>;
  const entries = Object.entries(value);
  if (entries.length === 0) return <em>{strings.plan.nothing}</em>;
  return (
    <span class="inner">
      {entries.map(([key, own]) => (
        <span key={key} class="block">
          {labelOf(key)}: <Value value={own} />
        </span>
      ))}
    </span>
  );
}
