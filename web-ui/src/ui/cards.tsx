// SPDX-License-Identifier: Apache-2.0
/** The cards at the top: gateway, LAN, storage, telemetry. */
import type { LinkStatus, Status } from "@scsigate/appliance/api";
import * as format from "../core/format.ts";
import { said } from "../core/said.ts";
import { strings } from "../strings.ts";
import { AddressList, Fact, Facts, Pill, Traffic } from "./parts.tsx";

export function Cards({ status }: { status: Status }) {
  return (
    <div class="cards">
      <SystemCard status={status} />
      <LinkCard title={strings.lan.title} trace="lan" link={status.lan} />
      {status.storage && <LinkCard title={strings.lan.storage} trace="storage" link={status.storage} />}
      <MqttCard status={status} />
    </div>
  );
}

function SystemCard({ status }: { status: Status }) {
  const { errors, source } = status.config;
  const valid = source === "defaults" ? strings.system.configDefaults : strings.system.configOk;
  return (
    <section class="card" aria-labelledby="system-title">
      <header>
        <h2 id="system-title">{strings.system.title}</h2>
      </header>
      <Facts>
        <Fact name={strings.system.uptime}>
          <span data-testid="uptime">{format.duration(status.uptimeSeconds)}</span>
        </Fact>
        <Fact name={strings.system.mode}>{strings.modes[status.mode] ?? status.mode}</Fact>
        {status.localUrl !== null && (
          <Fact name={strings.system.localUrl}>
            <span class="mono" data-testid="local-url">
              {status.localUrl}
            </span>
          </Fact>
        )}
        <Fact name={strings.system.config}>
          {errors.length > 0 ? <Pill tone="bad">{strings.system.configBad(errors.length)}</Pill> : valid}
        </Fact>
        <Fact name={strings.system.version}>
          <span class="mono">{status.version}</span>
        </Fact>
      </Facts>
    </section>
  );
}

function LinkCard({ title, trace, link }: { title: string; trace: string; link: LinkStatus }) {
  const id = `${trace}-title`;
  return (
    <section class="card" aria-labelledby={id} data-testid={trace}>
      <header>
        <h2 id={id} tabIndex={-1}>
          {title}
        </h2>
        {link.interface !== null && (
          <Pill tone={link.carrier ? "good" : "bad"}>{link.carrier ? strings.link.up : strings.link.down}</Pill>
        )}
      </header>
      {link.interface === null ? (
        <p class="muted">{strings.lan.absent}</p>
      ) : (
        <>
          <Facts>
            <Fact name={strings.link.interface}>
              <span class="mono">{link.interface}</span>
            </Fact>
            <Fact name={strings.link.address}>
              <AddressList addresses={link.addresses} />
            </Fact>
            <Fact name={strings.link.received}>{format.bytes(link.counters.rx_bytes)}</Fact>
            <Fact name={strings.link.sent}>{format.bytes(link.counters.tx_bytes)}</Fact>
          </Facts>
          <Traffic trace={trace} rates={link.rates} names={[strings.link.received, strings.link.sent]} />
        </>
      )}
    </section>
  );
}

function MqttCard({ status: { mqtt, id } }: { status: Status }) {
  const word = mqtt.connected ? strings.mqtt.connected : strings.mqtt.disconnected;
  return (
    <section class="card" aria-labelledby="mqtt-title" data-testid="mqtt">
      <header>
        <h2 id="mqtt-title">{strings.mqtt.title}</h2>
        {mqtt.enabled ? (
          <Pill tone={mqtt.connected ? "good" : "bad"}>{word}</Pill>
        ) : (
          <Pill tone="plain">{strings.mqtt.off}</Pill>
        )}
      </header>
      {mqtt.enabled ? (
        <Facts stacked>
          <Fact name={strings.mqtt.broker}>
            <span class="mono">{mqtt.url}</span>
          </Fact>
          {id !== "" && (
            <Fact name={strings.mqtt.topic}>
              <span class="mono">scsigate/{id}/#</span>
            </Fact>
          )}
          {mqtt.error !== null && <Fact name={strings.mqtt.error}>{said(mqtt.error)}</Fact>}
        </Facts>
      ) : (
        <p class="muted">{strings.mqtt.offHint}</p>
      )}
    </section>
  );
}
