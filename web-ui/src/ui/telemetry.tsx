// SPDX-License-Identifier: Apache-2.0
/** The page Telemetry: how it goes, what was sent last, its settings, and trying them. */
import { useSignal } from "@preact/signals";
import type { SentMessage, TelemetryView } from "@scsigate/appliance/api/telemetry";
import type { JsonObject } from "@scsigate/appliance/json";
import { useEffect } from "preact/hooks";
import { call } from "../core/api.ts";
import { served } from "../core/configuration.ts";
import * as format from "../core/format.ts";
import { href } from "../core/router.ts";
import { said, told } from "../core/said.ts";
import { may } from "../core/session.ts";
import { status } from "../core/store.ts";
import { strings } from "../strings.ts";
import { useAction } from "./action.ts";
import { ConfigForm } from "./configForm.tsx";
import { patchBetween, TryConnection, type TryConnectionProps } from "./connectionTest.tsx";
import { Fact, Facts, PageTitle, Pill, type Tone } from "./parts.tsx";
import { ProblemNotice } from "./problem.tsx";

const words = strings.telemetry;
const REFRESH_MS = 3000;

export function TelemetryPage() {
  const view = useSignal<TelemetryView | undefined>(undefined);
  const action = useAction();
  const allowed = may("operate");
  useEffect(() => {
    if (!allowed) return;
    const read = () =>
      void action.poll(async () => {
        view.value = (await call<TelemetryView>("GET", "/api/v1/telemetry")).value;
      });
    read();
    const timer = setInterval(read, REFRESH_MS);
    return () => clearInterval(timer);
  }, [allowed]);
  return (
    <>
      <PageTitle>{words.title}</PageTitle>
      <ProblemNotice problem={action.problem} />
      <div class="cards">
        <Broker />
        {view.value && <HomeAssistant view={view.value} />}
        {view.value && <Syslog view={view.value} />}
      </div>
      <div class="columns">
        {view.value && <Messages messages={view.value.messages} />}
        <Prometheus />
      </div>
      <p class="muted">{may("admin") ? strings.network.intro : strings.network.readOnly}</p>
      <ConfigForm page="telemetry" open={["mqtt"]} below={below} />
    </>
  );
}

/** What can be tried before it is applied. */
const TRIALS: Readonly<Record<string, Pick<TryConnectionProps, "label" | "path">>> = {
  mqtt: { label: words.tryBroker, path: "/api/v1/telemetry/test" },
  syslog: { label: words.trySyslog, path: "/api/v1/syslog/test" },
};

function below(part: string, document: JsonObject) {
  const trial = TRIALS[part];
  if (trial === undefined || !may("admin")) return null;
  const settings = patchBetween(served.value?.document[part], document[part]);
  return <TryConnection {...trial} settings={settings} testid={`try-${part}`} />;
}

function Card({ id, title, state, children }: CardProps) {
  return (
    <section class="card" aria-labelledby={`${id}-title`} data-testid={id}>
      <header>
        <h2 id={`${id}-title`}>{title}</h2>
        {state && <Pill tone={state[0]}>{state[1]}</Pill>}
      </header>
      {children}
    </section>
  );
}

interface CardProps {
  id: string;
  title: string;
  state?: readonly [Tone, string];
  children: preact.ComponentChildren;
}

function Broker() {
  const current = status.value;
  if (current === undefined) return null;
  const { enabled, connected, url, error, eventsWaiting, eventsLost } = current.mqtt;
  const on = connected ? (["good", strings.mqtt.connected] as const) : (["bad", strings.mqtt.disconnected] as const);
  return (
    <Card id="broker" title={strings.mqtt.broker} state={enabled ? on : ["plain", strings.mqtt.off]}>
      {enabled ? (
        <Facts stacked>
          <Fact name={words.address}>
            <span class="mono">{url}</span>
          </Fact>
          <Fact name={strings.mqtt.topic}>
            <span class="mono">scsigate/{current.id}/#</span>
          </Fact>
          {error !== null && <Fact name={strings.mqtt.error}>{said(error)}</Fact>}
          {eventsWaiting > 0 && <Fact name={words.waiting}>{format.count(eventsWaiting)}</Fact>}
          {eventsLost > 0 && <Fact name={words.lost}>{format.count(eventsLost)}</Fact>}
        </Facts>
      ) : (
        <p class="muted">{words.brokerOff}</p>
      )}
    </Card>
  );
}

function HomeAssistant({ view: { homeAssistant } }: { view: TelemetryView }) {
  const { enabled, announced, topic } = homeAssistant;
  const on = announced ? (["good", words.announced] as const) : (["warn", words.notAnnounced] as const);
  return (
    <Card id="home-assistant" title={words.homeAssistant} state={enabled ? on : ["plain", strings.mqtt.off]}>
      {topic === null ? (
        <p class="muted">{words.homeAssistantOff}</p>
      ) : (
        <>
          <Facts stacked>
            <Fact name={words.discovery}>
              <span class="mono">{topic}</span>
            </Fact>
          </Facts>
          <p class="small muted">{words.homeAssistantHow}</p>
        </>
      )}
    </Card>
  );
}

function Syslog({ view: { syslog } }: { view: TelemetryView }) {
  const { enabled, problem } = syslog;
  const on = problem === null ? (["good", words.sending] as const) : (["bad", words.failing] as const);
  return (
    <Card id="syslog" title={words.syslog} state={enabled ? on : ["plain", strings.mqtt.off]}>
      {problem === null ? <p class="muted">{enabled ? words.syslogOn : words.syslogOff}</p> : <p>{told(problem)}</p>}
    </Card>
  );
}

function Prometheus() {
  const lines = [
    "- job_name: scsigate",
    "  scheme: https",
    "  tls_config: { insecure_skip_verify: true }",
    "  authorization: { credentials: KEY }",
    `  static_configs: [{ targets: ["${location.host}"] }]`,
  ];
  return (
    <Card id="prometheus" title={words.prometheus}>
      <p>
        {words.scrape} <a href={href("system/access")}>{words.key}</a>
      </p>
      <pre class="mono small">{lines.join("\n")}</pre>
      <p class="small muted">{words.scrapeTls}</p>
    </Card>
  );
}

function Messages({ messages }: { messages: readonly SentMessage[] }) {
  return (
    <section class="card" aria-labelledby="messages-title" data-testid="messages">
      <h2 id="messages-title">{words.messages}</h2>
      {messages.length === 0 ? (
        <p class="empty">{words.noMessage}</p>
      ) : (
        <ol class="log scroll" aria-label={words.newest}>
          {messages.map((message) => (
            <li key={`${message.time} ${message.topic}`}>
              <details>
                <summary>
                  <span class="mono">{message.topic}</span>
                  <span class="block small muted">
                    {format.moment(message.time)}, {format.bytes(message.bytes)}
                    {message.retain && `, ${words.retained}`}
                  </span>
                </summary>
                <pre class="mono small">{message.payload === "" ? words.removed : pretty(message.payload)}</pre>
              </details>
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}

function pretty(payload: string): string {
  try {
    return JSON.stringify(JSON.parse(payload), null, 2);
  } catch {
    return payload; // cut off, or none of JSON
  }
}
