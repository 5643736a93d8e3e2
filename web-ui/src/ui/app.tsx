// SPDX-License-Identifier: Apache-2.0
/** The frame of all pages: header, navigation, what is wrong with the connection, the change that waits. */
import type { Status } from "@scsigate/appliance/api";
import { useEffect } from "preact/hooks";
import * as format from "../core/format.ts";
import { href, type PageName, page, pageArguments, SYSTEM_PAGES } from "../core/router.ts";
import { logout } from "../core/session.ts";
import { connection, lastSeen, session, status } from "../core/store.ts";
import { transaction } from "../core/transaction.ts";
import { strings } from "../strings.ts";
import { useAction } from "./action.ts";
import { DiagnosisPage } from "./diagnosis.tsx";
import { Login } from "./login.tsx";
import { Network } from "./network.tsx";
import { Overview } from "./overview.tsx";
import { Pill, type Tone } from "./parts.tsx";
import { ProblemNotice } from "./problem.tsx";
import { Setup } from "./setup/setup.tsx";
import { StationsPage } from "./stations/list.tsx";
import { SegmentPage } from "./stations/segment.tsx";
import { StationPage } from "./stations/station.tsx";
import { AccessPage } from "./system/access.tsx";
import { BackupPage } from "./system/backup.tsx";
import { CertificatePage } from "./system/certificate.tsx";
import { LogsPage } from "./system/logs.tsx";
import { MaintenancePage } from "./system/maintenance.tsx";
import { ResetPage } from "./system/reset.tsx";
import { TelemetryPage } from "./telemetry.tsx";
import { TransactionBanner } from "./transaction.tsx";

const PAGES: Record<PageName, () => preact.JSX.Element> = {
  overview: Overview,
  setup: Setup,
  stations: StationsPage,
  station: StationPage,
  segment: SegmentPage,
  network: Network,
  diagnosis: DiagnosisPage,
  telemetry: TelemetryPage,
  "system/logs": LogsPage,
  "system/backup": BackupPage,
  "system/access": AccessPage,
  "system/certificate": CertificatePage,
  "system/maintenance": MaintenancePage,
  "system/reset": ResetPage,
};

export function App() {
  const stale = connection.value === "lost";
  const known = session.value;
  const inside = known !== undefined && known.scope !== null;
  // Before there is an administrator, there is nothing to do but to look and to set up.
  const shown = known?.setupNeeded && page.value !== "setup" ? "overview" : page.value;
  const Page = PAGES[shown];
  const hostname = status.value?.hostname ?? strings.product;
  useEffect(() => {
    document.title = inside && shown !== "overview" ? `${strings.pages[shown]} · ${hostname}` : hostname;
  }, [inside, shown, hostname]);
  return (
    <>
      {/* biome-ignore lint/a11y/useValidAnchor: it leads within the page, but the part after # names the page */}
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          document.getElementById("main")?.focus();
        }}
      >
        {strings.skip}
      </a>
      <Header current={inside ? status.value : undefined} />
      {inside && !known.setupNeeded && <Navigation shown={shown} />}
      <main id="main" tabIndex={-1} class={stale ? "stale" : ""}>
        {stale && <Lost />}
        {inside && <TransactionBanner key={transaction.value?.id} />}
        {inside && <Page key={[known.user, shown, ...pageArguments.value].join("/")} />}
        {known !== undefined && !inside && <Login />}
        {known === undefined && !stale && <p class="empty">{strings.loading}</p>}
      </main>
      <footer>
        {strings.product}
        {inside && status.value && <span class="mono"> {status.value.version}</span>} · {strings.footer}
      </footer>
    </>
  );
}

const HEALTH_TONES: Record<Status["health"]["status"], Tone> = { ok: "good", degraded: "warn", starting: "plain" };
const CONNECTION_TONES = { live: "good", connecting: "plain", idle: "plain", lost: "bad" } as const;

function Header({ current }: { current: Status | undefined }) {
  const user = session.value?.user;
  const action = useAction();
  return (
    <>
      <header class="top">
        <div>
          <p class="brand">{current?.hostname ?? strings.product}</p>
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
          {user && (
            <button
              type="button"
              title={strings.login.as(user)}
              aria-disabled={action.busy}
              onClick={() => action.run(logout)}
              data-testid="logout"
            >
              {strings.login.out}
            </button>
          )}
        </div>
      </header>
      {action.problem && (
        <div class="top">
          <ProblemNotice problem={action.problem} />
        </div>
      )}
    </>
  );
}

function Navigation({ shown }: { shown: PageName }) {
  const inSystem = SYSTEM_PAGES.includes(shown);
  return (
    <div class="navigation">
      <nav aria-label={strings.nav.label}>
        <Link name="overview" shown={shown} />
        <Link name="stations" shown={shown === "station" || shown === "segment" ? "stations" : shown} />
        <Link name="network" shown={shown} />
        <Link name="diagnosis" shown={shown} />
        <Link name="telemetry" shown={shown} />
        <a href={href("system/logs")} class={inSystem ? "current" : ""} aria-current={inSystem ? "true" : undefined}>
          {strings.nav.system}
        </a>
      </nav>
      {inSystem && (
        <nav aria-label={strings.nav.systemLabel} class="small">
          {SYSTEM_PAGES.map((name) => (
            <Link key={name} name={name} shown={shown} />
          ))}
        </nav>
      )}
    </div>
  );
}

function Link({ name, shown }: { name: PageName; shown: PageName }) {
  const current = name === shown;
  return (
    <a href={href(name)} class={current ? "current" : ""} aria-current={current ? "page" : undefined}>
      {strings.pages[name]}
    </a>
  );
}

function Lost() {
  const seen = lastSeen.value;
  return (
    <div class="notice bad toast" role="alert">
      <strong>{strings.connection.lost}</strong>
      <p>
        {seen === undefined ? strings.connection.neverDetail : strings.connection.lostDetail(format.timeOfDay(seen))}
      </p>
    </div>
  );
}
