// SPDX-License-Identifier: Apache-2.0
/** What keeps the gateway from being well, and what to do. */
import type { Status } from "@scsigate/appliance/api";
import { sentence } from "../core/format.ts";
import { said } from "../core/said.ts";
import { strings } from "../strings.ts";

export function Attention({ status: { health } }: { status: Status }) {
  if (health.reasons.length === 0) return null;
  return (
    <section class="notice warn" aria-labelledby="attention-title">
      <h2 id="attention-title">{strings.health.title}</h2>
      <ul>
        {health.reasons.map((reason) => (
          <li key={reason.message}>
            <strong>{sentence(said(reason.message))}</strong>
            <span> {said(reason.nextStep)}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
