// SPDX-License-Identifier: Apache-2.0
/** The frame of all pages: header, navigation, what is wrong with the connection, the change that waits. */
import type { Status } from "@scsigate/appliance/api";
import { useEffect } from "preact/hooks";
import * as format from "../core/format.ts";
import { href, type PageName, page, pageArguments, SECTIONS } from "../core/router.ts";
import { logout, may } from "../core/session.ts";
import { isHalfway } from "../core/steps.ts";
import { connection, lastSeen, session, status } from "../core/store.ts";
import { transaction } from "../core/transaction.ts";
import { strings } from "../strings.ts";
import { useAction } from "./action.ts";
import { ChangeBar } from "./changeBar.tsx";
import { DiagnosisPage } from "./diagnosis.tsx";
import { LanguageChoice } from "./language.tsx";
import { Login } from "./login.tsx";
import { Network } from "./network.tsx";
import { Overview } from "./overview.tsx";
import { Pill, type Tone } from "./parts.tsx";
import { ProblemNotice } from "./problem.tsx";
import { SettingsPage } from "./settings.tsx";
import { HalfwayBanner } from "./setup/halfway.tsx";
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
import { UpdatePage } from "./system/update.tsx";
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
  "settings/general": SettingsPage,
  "settings/mode": SettingsPage,
  "settings/lan": SettingsPage,
  "settings/segments": SettingsPage,
  "settings/firewall": SettingsPage,
  "settings/access": SettingsPage,
  "system/logs": LogsPage,
  "system/backup": BackupPage,
  "system/access": AccessPage,
  "system/certificate": CertificatePage,
  "system/update": UpdatePage,
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
        {inside && <TransactionBanner key={transaction.value?.id} />}
        {inside && !known.setupNeeded && shown !== "setup" && may("admin") && isHalfway() && <HalfwayBanner />}
        {inside && <Page key={[known.user, shown, ...pageArguments.value].join("/")} />}
        {inside && shown !== "setup" && may("admin") && <ChangeBar />}
        {known !== undefined && !inside && <Login />}
        {known === undefined && !stale && <p class="empty">{strings.loading}</p>}
      </main>
      <footer>
        {strings.product}
        {inside && status.value && <span class="mono"> {status.value.version}</span>} · {strings.footer} ·{" "}
        <span data-testid="zone">{strings.zone(format.zone())}</span> · <LanguageChoice />
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
          {connection.value === "lost" ? <Lost /> : <p class="muted">{strings.tagline}</p>}
        </div>
        <div class="top-state">
          {current && connection.value !== "lost" && (
            <span data-testid="health">
              <Pill tone={HEALTH_TONES[current.health.status]}>{strings.health[current.health.status]}</Pill>
            </span>
          )}
          {current?.pressed && (
            <output data-testid="pressed">
              <Pill tone="warn">{strings.health.pressed}</Pill>
            </output>
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
  const section = Object.entries(SECTIONS).find(([, pages]) => pages.some((name) => name === shown));
  return (
    <div class="navigation">
      <nav aria-label={strings.nav.label}>
        <Link name="overview" shown={shown} />
        <Link name="stations" shown={shown === "station" || shown === "segment" ? "stations" : shown} />
        <Link name="network" shown={shown} />
        <Link name="diagnosis" shown={shown} />
        <Link name="telemetry" shown={shown} />
        <Section name="settings" current={section?.[0]} />
        <Section name="system" current={section?.[0]} />
      </nav>
      {section && (
        <nav aria-label={strings.nav.within[section[0] as keyof typeof SECTIONS]} class="small">
          {section[1].map((name) => (
            <Link key={name} name={name} shown={shown} />
          ))}
        </nav>
      )}
    </div>
  );
}

/** Leads to the first page of a section. */
function Section({ name, current }: { name: keyof typeof SECTIONS; current: string | undefined }) {
  const [first = "overview"] = SECTIONS[name];
  const inside = name === current;
  return (
    <a href={href(first)} class={inside ? "current" : ""} aria-current={inside ? "true" : undefined}>
      {strings.nav[name]}
    </a>
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

/** In the place of the header's second line: nothing moves, and nothing is covered. */
function Lost() {
  const seen = lastSeen.value;
  return (
    <p class="lost" role="alert">
      {seen === undefined ? strings.connection.neverDetail : strings.connection.lostDetail(format.timeOfDay(seen))}
    </p>
  );
}
