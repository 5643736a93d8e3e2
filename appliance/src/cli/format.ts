// SPDX-License-Identifier: Apache-2.0
/** The API's answers as text for a terminal. */
import type { CertificateInfo } from "../api/certificate.ts";
import type { ConfigPlan, Transaction } from "../api/config.ts";
import type { Diagnosis } from "../api/diagnosis.ts";
import type { Adapter, LinkStatus, MeshStatus, StationStatus, Status } from "../api/status.ts";
import { asObject } from "../shared/json.ts";

export function formatStatus(json: unknown): string {
  const status = json as Status;
  const { health, lan, storage, segments, mesh, mqtt, config } = status;
  const links: [string, LinkStatus][] = [
    ["LAN", lan],
    ...(storage ? [["storage", storage] as [string, LinkStatus]] : []),
  ];
  return [
    `${status.hostname}  ${status.version}  ${health.status}, up ${duration(status.uptimeSeconds)}`,
    ...health.reasons.map((reason) => `  ! ${reason.message}. ${reason.nextStep}`),
    ...links.map(([name, link]) =>
      `${name.padEnd(8)} ${link.interface ?? "none"} ${link.addresses.join(" ")}`.trimEnd(),
    ),
    ...segments.map(({ name, ips, mode, stations }) => {
      const up = stations.filter((station) => station.state === "up").length;
      return `${name.padEnd(8)} ${ips.join(" ") || "no address"}, ${mode}, ${up} of ${stations.length} stations up`;
    }),
    ...formatMesh(mesh),
    `mqtt     ${mqtt.enabled ? (mqtt.connected ? `connected to ${mqtt.url}` : `not connected: ${mqtt.error}`) : "off"}`,
    `config   ${config.valid ? "valid" : `${config.errors.length} errors`} (${config.source})`,
  ].join("\n");
}

function formatMesh(mesh: MeshStatus | null): string[] {
  if (mesh === null) return [];
  if (!mesh.running) return ["mesh     BIRD does not run"];
  const { neighbours, routes } = mesh;
  return [
    `mesh     neighbours: ${neighbours.length}, routes: ${routes.length}`,
    ...neighbours.map((one) => `  ${one.peer ?? one.address} on ${one.interface}, told ${one.routes}`),
    ...routes.map((route) => `  ${route.destination} via ${route.via} on ${route.interface}`),
  ];
}

const MARKS = { good: "ok", warn: "!", bad: "FAIL", unknown: "?", off: "-" } as const;

export function formatDiagnosis({ checks }: Diagnosis): string {
  return checks
    .map(({ segment, title, state, measured, nextStep }) => {
      const what = `${MARKS[state].padEnd(5)}${segment === null ? "" : `${segment}: `}${title}: ${measured}`;
      return nextStep === null ? what : `${what}\n     ${nextStep}`;
    })
    .join("\n");
}

export function formatPeers(json: unknown): string {
  const peers = json as (StationStatus & { segment: string })[];
  const rows = peers.map(({ segment, address, name, ip, state, role, mode, rates }) => [
    ...[segment, address, name || "-", ip ?? "-", state, role, mode],
    `${rates.rx_bytes} B/s in`,
    `${rates.tx_bytes} B/s out`,
  ]);
  return table([["SEGMENT", "ADDRESS", "NAME", "IP", "STATE", "ROLE", "MODE", "", ""], ...rows]);
}

export function formatAdapters(json: unknown): string {
  const rows = (json as Adapter[]).map(({ fabric, port, device, link, state, exports, problem }) => [
    ...[fabric, port ?? "-", device ?? "-", link, state],
    exports.map(({ segment, enabled }) => (enabled ? segment : `${segment} (closed)`)).join(", ") || "-",
    problem === null ? "" : `${problem.message}. ${problem.nextStep}`,
  ]);
  return table([["FABRIC", "PORT", "DEVICE", "LINK", "STATE", "SEGMENT", ""], ...rows]);
}

export function formatCertificate(json: unknown): string {
  const { subject, issuer, names, notBefore, notAfter, daysLeft, fingerprint, selfSigned } = json as CertificateInfo;
  return [
    `Subject      ${subject}`,
    `Issuer       ${selfSigned ? "itself" : issuer}`,
    `Names        ${names.join(", ") || "none: browsers will complain"}`,
    `Holds        ${notBefore} to ${notAfter} (${daysLeft} days left)`,
    `Fingerprint  ${fingerprint} (SHA-256)`,
  ].join("\n");
}

export function formatLogs(json: unknown): string {
  const lines = json as Record<string, unknown>[];
  return lines
    .map(({ time, level, msg, module, process: from, ...rest }) => {
      const part = module ?? (from === "service" ? undefined : from);
      const where = part === undefined ? "" : ` ${String(part)}:`;
      const more = Object.keys(rest).length === 0 ? "" : ` ${JSON.stringify(rest)}`;
      return `${String(time)} ${String(level).padEnd(5)}${where} ${String(msg)}${more}`;
    })
    .join("\n");
}

export function formatPlan({ changes, effects, operations }: ConfigPlan): string {
  if (changes.length === 0) return "Nothing would change.";
  return [
    ...changes.map(changeLine),
    ...(effects.length === 0
      ? []
      : ["", "This disturbs:", ...effects.map(({ effect, what }) => `  ${effect}: ${what}`)]),
    ...(operations.length === 0 ? [] : ["", `Steps on the machine: ${operations.map(({ kind }) => kind).join(", ")}`]),
  ].join("\n");
}

export function formatTransaction({ state, changes, secondsLeft, reason, problems }: Transaction): string {
  const about = problems.map((problem) => `  ! ${problem.message}. ${problem.nextStep}`);
  switch (state) {
    case "applying":
    case "waiting":
      return [
        ...changes.map(changeLine),
        ...about,
        `Tried. It is rolled back in ${secondsLeft} s unless you say: scsigate config confirm`,
      ].join("\n");
    case "confirmed":
      return "Confirmed.";
    case "rolled-back":
      return `Rolled back: ${reason}.`;
  }
}

function changeLine(change: object): string {
  const { path, before, after } = asObject(change);
  const show = (value: unknown) => (value === undefined ? "(none)" : JSON.stringify(value));
  return `  ${String(path)}: ${show(before)} -> ${show(after)}`;
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length))) ?? [];
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

function duration(seconds: number): string {
  const days = Math.floor(seconds / 86_400);
  const hours = Math.floor((seconds % 86_400) / 3600);
  return `${days} d ${hours} h ${Math.floor((seconds % 3600) / 60)} min`;
}
