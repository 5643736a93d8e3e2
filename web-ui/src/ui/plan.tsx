// SPDX-License-Identifier: Apache-2.0
/** What a change of the configuration would do, shown before it is done. */
import type { ConfigPlan } from "@scsigate/appliance/api/config";
import { strings } from "../strings.ts";

export function Plan({ plan }: { plan: ConfigPlan }) {
  if (plan.changes.length === 0) return <p class="muted">{strings.plan.none}</p>;
  return (
    <>
      <ul class="changes">
        {plan.changes.map(({ path, before, after }) => (
          <li key={path}>
            <span class="mono">{path}</span>
            <span class="small muted">{strings.plan.before}</span>
            <del class="mono">{shown(before)}</del>
            <span class="small muted">{strings.plan.after}</span>
            <ins class="mono">{shown(after)}</ins>
          </li>
        ))}
      </ul>
      <h3>{strings.plan.effects}</h3>
      {plan.effects.length === 0 ? (
        <p class="muted">{strings.plan.noEffects}</p>
      ) : (
        <ul>
          {plan.effects.map(({ effect, what }) => (
            <li key={effect}>{what}</li>
          ))}
        </ul>
      )}
      <p class="small muted">{strings.plan.operations(plan.operations.length)}</p>
    </>
  );
}

function shown(value: unknown): string {
  if (value === undefined) return strings.plan.absent;
  return typeof value === "string" ? value : JSON.stringify(value);
}
