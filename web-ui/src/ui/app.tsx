// SPDX-License-Identifier: Apache-2.0
/** The page: header, what needs attention, overview, segments. */
import type { Status } from "@scsigate/appliance/api";
import * as format from "../core/format.ts";
import { connection, lastSeen, status } from "../core/store.ts";
import { strings } from "../strings.ts";
import { Overview } from "./overview.tsx";
import { Pill, type Tone } from "./parts.tsx";
import { Segment } from "./segments.tsx";

export function App() {
  const current = status.value;
  const stale = connection.value === "lost";
  return (
    <>
      <a class="skip" href="#segments">
        {strings.skip}
      </a>
      <Header current={current} />
      <main class={stale ? "stale" : ""}>
        {stale && <Lost />}
        {current === undefined ? (
          !stale && <p class="empty">{strings.loading}</p>
        ) : (
          <>
            <Attention status={current} />
            <Overview status={current} />
            <div id="segments" tabIndex={-1}>
              {current.segments.map((segment) => (
                <Segment key={segment.name} segment={segment} />
              ))}
            </div>
          </>
        )}
      </main>
      <footer>
        {strings.product}
        {current && <span class="mono"> {current.version}</span>} · {strings.footer}
      </footer>
    </>
  );
}

const HEALTH_TONES: Record<Status["health"]["status"], Tone> = { ok: "good", degraded: "warn", starting: "plain" };
const CONNECTION_TONES = { live: "good", connecting: "plain", lost: "bad" } as const;

function Header({ current }: { current: Status | undefined }) {
  return (
    <header class="top">
      <div>
        <h1>{current?.hostname ?? strings.product}</h1>
        <p class="muted">{strings.tagline}</p>
      </div>
      <div class="top-state">
        {current && connection.value !== "lost" && (
          <span data-testid="health">
            <Pill tone={HEALTH_TONES[current.health.status]}>{strings.health[current.health.status]}</Pill>
          </span>
        )}
        <output data-testid="connection" aria-live="polite">
          <Pill tone={CONNECTION_TONES[connection.value]}>{strings.connection[connection.value]}</Pill>
        </output>
      </div>
    </header>
  );
}

function Lost() {
  const seen = lastSeen.value;
  return (
    <div class="notice bad" role="alert">
      <strong>{strings.connection.lost}</strong>
      <p>
        {seen === undefined ? strings.connection.neverDetail : strings.connection.lostDetail(format.timeOfDay(seen))}
      </p>
    </div>
  );
}

function Attention({ status: { health } }: { status: Status }) {
  if (health.reasons.length === 0) return null;
  return (
    <section class="notice warn" aria-labelledby="attention-title">
      <h2 id="attention-title">{strings.health.title}</h2>
      <ul>
        {health.reasons.map((reason) => (
          <li key={reason.message}>
            <strong>{reason.message}</strong>
            <span> {reason.nextStep}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
