// SPDX-License-Identifier: Apache-2.0
/**
 * The gateway as Home Assistant's device discovery wants it: one device, its entities as components. Values are taken from
 * the messages that everybody gets, by templates.
 */
import type { SegmentStatus, Status } from "../../api/status.ts";
import type { MqttCommand } from "../../config/types.ts";
import { baseTopic, commandTopic, slug, stateTopic } from "./payloads.ts";

type Component = Record<string, unknown>;

export function discoveryTopic(prefix: string, id: string): string {
  return `${prefix}/device/${id}/config`;
}

/** Where Home Assistant says that it has started. */
export function birthTopic(prefix: string): string {
  return `${prefix}/status`;
}

export interface DiscoveryPayload extends Record<string, unknown> {
  components: Record<string, Component>;
}

/** @param commands those that are taken over MQTT */
export function discoveryPayload(status: Status, commands: readonly MqttCommand[]): DiscoveryPayload {
  const { id, hostname, version, lan } = status;
  const components = {
    ...gatewayComponents(status, commands),
    ...Object.assign({}, ...status.segments.map((segment) => segmentComponents(id, segment))),
  } as Record<string, Component>;
  for (const [key, component] of Object.entries(components)) {
    component["unique_id"] = `scsigate_${id}_${key}`;
    component["default_entity_id"] = `${component["platform"]}.${slug(hostname)}_${key}`;
  }
  const address = lan.addresses.find((entry) => !entry.includes(":"))?.split("/")[0];
  return {
    device: {
      identifiers: [`scsigate_${id}`],
      ...(lan.mac === null ? {} : { connections: [["mac", lan.mac]] }),
      name: hostname,
      manufacturer: "scsigate",
      model: "SCSI to Ethernet gateway",
      serial_number: id,
      sw_version: version,
      ...(address === undefined ? {} : { configuration_url: `https://${address}/` }),
    },
    origin: { name: "scsigate", sw_version: version },
    availability: [{ topic: stateTopic(id), value_template: "{{ value_json.state }}" }],
    state_topic: `${baseTopic(id)}/telemetry`,
    qos: 1,
    components,
  };
}

function gatewayComponents(status: Status, commands: readonly MqttCommand[]): Record<string, Component> {
  const { id } = status;
  const components: Record<string, Component> = {
    lan_rx_rate: rate("LAN receive rate", "lan.rx_bytes_per_second"),
    lan_tx_rate: rate("LAN send rate", "lan.tx_bytes_per_second"),
    lan_rx_bytes: bytes("LAN received", "lan.rx_bytes"),
    lan_tx_bytes: bytes("LAN sent", "lan.tx_bytes"),
    lan_link: connectivity("LAN link", "value_json.lan.carrier"),
    stations_up: measurement("Stations", "stations_up", "stations"),
    problem: {
      platform: "binary_sensor",
      name: "Problem",
      device_class: "problem",
      entity_category: "diagnostic",
      value_template: "{{ 'ON' if value_json.health == 'degraded' else 'OFF' }}",
    },
    boot_time: {
      platform: "sensor",
      name: "Boot time",
      device_class: "timestamp",
      entity_category: "diagnostic",
      value_template: "{{ value_json.boot_time }}",
    },
    update: {
      platform: "update",
      name: "Firmware",
      device_class: "firmware",
      entity_category: "diagnostic",
      value_template:
        "{{ {'installed_version': value_json.installed_version, 'latest_version': value_json.latest_version, " +
        "'in_progress': value_json.update_in_progress, 'update_percentage': value_json.update_percentage} | to_json }}",
      ...(commands.includes("update") && status.update.version !== null
        ? { command_topic: `${commandTopic(id)}/update`, payload_install: "PRESS" }
        : {}),
    },
  };
  for (const { sensor } of status.temperatures) {
    const key = slug(sensor);
    components[`temperature_${key}`] = {
      platform: "sensor",
      name: `Temperature ${sensor}`,
      device_class: "temperature",
      unit_of_measurement: "°C",
      state_class: "measurement",
      entity_category: "diagnostic",
      value_template: `{{ value_json.temperatures.${key} | default(none) }}`,
    };
  }
  if (commands.includes("restart")) {
    components["restart"] = {
      platform: "button",
      name: "Restart",
      device_class: "restart",
      entity_category: "config",
      command_topic: `${commandTopic(id)}/restart`,
      payload_press: "PRESS",
    };
  }
  return components;
}

function segmentComponents(id: string, segment: SegmentStatus): Record<string, Component> {
  const { name } = segment;
  const own: Record<string, Component> = {
    rx_rate: rate(`${name} receive rate`, "rx_bytes_per_second"),
    tx_rate: rate(`${name} send rate`, "tx_bytes_per_second"),
    rx_bytes: bytes(`${name} received`, "rx_bytes"),
    tx_bytes: bytes(`${name} sent`, "tx_bytes"),
    errors: count(`${name} errors`, "value_json.rx_errors + value_json.tx_errors"),
    dropped: count(`${name} dropped packets`, "value_json.rx_dropped + value_json.tx_dropped"),
    unit_attentions: count(`${name} unit attentions`, "value_json.by_reason.unit_attention if value_json.by_reason"),
    stations: measurement(`${name} stations`, "stations_up", "stations"),
    in_flight: { ...measurement(`${name} commands in flight`, "in_flight", "commands"), entity_category: "diagnostic" },
    batching: {
      ...measurement(`${name} packets per command`, "packets_per_command", "packets"),
      entity_category: "diagnostic",
    },
    send_latency: {
      platform: "sensor",
      name: `${name} SEND latency`,
      device_class: "duration",
      unit_of_measurement: "ms",
      state_class: "measurement",
      entity_category: "diagnostic",
      value_template: "{{ value_json.send_p99_ms }}",
    },
    link: connectivity(`${name} link`, "value_json.carrier"),
  };
  const topic = `${baseTopic(id)}/segment/${name}`;
  return Object.fromEntries(
    Object.entries(own).map(([key, component]) => [`${name}_${key}`, { ...component, state_topic: topic }]),
  );
}

function rate(name: string, field: string): Component {
  return {
    platform: "sensor",
    name,
    device_class: "data_rate",
    unit_of_measurement: "B/s",
    state_class: "measurement",
    value_template: `{{ value_json.${field} }}`,
  };
}

function bytes(name: string, field: string): Component {
  return {
    platform: "sensor",
    name,
    device_class: "data_size",
    unit_of_measurement: "B",
    state_class: "total_increasing",
    value_template: `{{ value_json.${field} }}`,
  };
}

function count(name: string, expression: string): Component {
  return {
    platform: "sensor",
    name,
    state_class: "total_increasing",
    entity_category: "diagnostic",
    value_template: `{{ ${expression} }}`,
  };
}

function measurement(name: string, field: string, unit: string): Component {
  return {
    platform: "sensor",
    name,
    unit_of_measurement: unit,
    state_class: "measurement",
    value_template: `{{ value_json.${field} }}`,
  };
}

function connectivity(name: string, expression: string): Component {
  return {
    platform: "binary_sensor",
    name,
    device_class: "connectivity",
    entity_category: "diagnostic",
    value_template: `{{ 'ON' if ${expression} else 'OFF' }}`,
  };
}
