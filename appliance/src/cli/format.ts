// SPDX-License-Identifier: Apache-2.0
/** The API's answers as text for a terminal. */
import type { CertificateInfo } from "../api/certificate.ts";
import type { ConfigPlan, Transaction } from "../api/config.ts";
import type { Diagnosis } from "../api/diagnosis.ts";
import type { ResetOutlook } from "../api/reset.ts";
import type { CaptureView, PingResult, StationView } from "../api/stations.ts";
import type {
  Adapter,
  BusStatus,
  EncryptionStatus,
  LinkStatus,
  MeshStatus,
  StationStatus,
  Status,
} from "../api/status.ts";
import type { LastUpdate, SlotView, UpdateView } from "../api/update.ts";
import type { Problem } from "../shared/errors.ts";
import { asObject } from "../shared/json.ts";

/** `current`: the change that waits for its confirmation, or the last one that did. */
export function formatStatus(status: Status, current: Transaction | null): string {
  const { health, lan, storage, segments, mesh, encryption, mqtt, config } = status;
  const links: [string, LinkStatus][] = [
    ["LAN", lan],
    ...(storage ? [["storage", storage] as [string, LinkStatus]] : []),
  ];
  return [
    `${status.hostname}  ${status.version}  ${health.status}, up ${duration(status.uptimeSeconds)}`,
    ...health.reasons.map((reason) => `  ! ${reason.message}. ${reason.nextStep}`),
    `mode     ${status.mode}`,
    ...links.map(([name, link]) =>
      `${name.padEnd(8)} ${link.interface ?? "none"} ${link.addresses.join(" ")}`.trimEnd(),
    ),
    ...(status.localUrl === null ? [] : [`page     ${status.localUrl}`]),
    ...segments.flatMap(({ name, ips, mode, stations, bus }) => {
      const up = stations.filter((station) => station.state === "up").length;
      const line = `${name.padEnd(8)} ${ips.join(" ") || "no address"}, ${mode}, ${up} of ${stations.length} stations up`;
      return bus === null ? [line] : [line, formatBus(bus)];
    }),
    ...formatMesh(mesh),
    ...formatEncryption(encryption),
    `mqtt     ${mqtt.enabled ? (mqtt.connected ? `connected to ${mqtt.url}` : `not connected: ${mqtt.error}`) : "off"}`,
    `config   ${config.valid ? "valid" : `${config.errors.length} errors`} (${config.source})`,
    ...pending(current),
  ].join("\n");
}

function formatBus({ serial, state, firmware, scsiId, counters }: BusStatus): string {
  const says = `  adapter ${serial} ${state}`;
  if (counters === null) return says;
  const { parityErrors, resets, timeouts } = counters;
  return `${says}, firmware ${firmware}, SCSI ID ${scsiId}; parity errors ${parityErrors}, resets ${resets}, time-outs ${timeouts}`;
}

function pending(current: Transaction | null): string[] {
  if (current === null || (current.state !== "applying" && current.state !== "waiting")) return [];
  const { changes, secondsLeft } = current;
  const what = changes.length === 1 ? "a change is tried" : `${changes.length} changes are tried`;
  return [
    `change   ${what}, undone in ${secondsLeft} s unless you say: scsigate config confirm`,
    ...changes.map(changeLine),
  ];
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

function formatEncryption(encryption: EncryptionStatus | null): string[] {
  if (encryption === null) return [];
  const { publicKey, peers } = encryption;
  const last = (at: number | null): string =>
    at === null ? "no handshake yet" : `last handshake ${new Date(at).toISOString()}`;
  return [
    `tunnels  public key of this gateway: ${publicKey ?? "not known yet"}`,
    ...peers.map(({ address, lastHandshake, state }) => `  ${address} encrypted, ${state}, ${last(lastHandshake)}`),
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
  const rows = peers.map(({ segment, address, name, ip, state, blocked, role, mode, rates }) => [
    ...[segment, address, name || "-", ip ?? "-", blocked ? `${state}, blocked` : state, role, mode],
    `${rates.rx_bytes} B/s in`,
    `${rates.tx_bytes} B/s out`,
  ]);
  return table([["SEGMENT", "ADDRESS", "NAME", "IP", "STATE", "ROLE", "MODE", "", ""], ...rows]);
}

export function formatStations(json: unknown): string {
  const rows = (json as StationView[]).map(({ segment, address, name, ips, reservedIp, lease, access, live }) => [
    ...[segment, address, name || "-", ips[0] ?? lease?.ip ?? "-", reservedIp ?? "-"],
    ...[access === "block" ? "blocked" : "allowed", live === null ? "not there" : live.state],
  ]);
  return table([["SEGMENT", "ADDRESS", "NAME", "IP", "RESERVED", "ACCESS", "STATE"], ...rows]);
}

export function formatStation(station: StationView): string {
  const { segment, address, initiator, name, configuredName, access, reservedIp, lease, ips, live } = station;
  const until = lease === null || lease.expires === null ? "" : `, until ${new Date(lease.expires).toISOString()}`;
  return [
    `Address   ${address} on ${segment}`,
    `Name      ${name || "none"}${configuredName === null ? "" : " (given here)"}`,
    `IP        ${ips.join(" ") || "none seen"}`,
    `Reserved  ${reservedIp ?? "nothing"}`,
    `Lease     ${lease === null ? "none" : `${lease.ip}${until}`}`,
    `Settings  by ${initiator === null ? "its address" : `initiator ${initiator}`}`,
    `Access    ${access === "block" ? "blocked" : "allowed"}`,
    `State     ${live === null ? "not there" : `${live.state}, ${live.role}, ${live.mode}, by ${live.adapter || live.nexus}`}`,
  ].join("\n");
}

export function formatPing({ ip, sent, received, loss, min, avg, max }: PingResult): string {
  const times = min === null || avg === null || max === null ? "" : `; ${min}, ${avg}, ${max} ms (least, mean, most)`;
  return `${ip}: ${received} of ${sent} came back, ${loss} % lost${times}`;
}

export function formatCapture(capture: CaptureView | null): string {
  if (capture === null) return "Nothing is recorded. Start: scsigate capture start STATION";
  const { address, segment, state, packets, bytes, elapsedSeconds, seconds, reason } = capture;
  const why = reason === null ? "" : ` (${reason})`;
  return `${address} on ${segment}: ${state}${why}, ${packets} packets, ${bytes} bytes, ${elapsedSeconds} of ${seconds} s`;
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

/** What an update does just now. */
export function formatProgress({ progress, state }: UpdateView): string {
  if (progress === null) return state;
  const { percent, step } = progress;
  return percent === null ? step : `${String(percent).padStart(3)} % ${step}`;
}

export function formatUpdate(json: unknown): string {
  const view = json as UpdateView;
  const { image, state, bundle, problem, last } = view;
  const about = (found: Problem) => `  ! ${found.message}. ${found.nextStep}`;
  if (image === null) return problem === null ? state : `${problem.message}. ${problem.nextStep}`;
  return [
    `Board    ${image.board} (${image.compatible})`,
    `Running  ${slotLine(image.running)}`,
    ...image.waitingFor.map(about),
    `Other    ${slotLine(image.other)}`,
    `State    ${view.progress === null ? state : formatProgress(view)}`,
    ...(state === "ready-to-restart"
      ? ["         scsigate update restart starts it; scsigate update cancel stays with what runs"]
      : []),
    ...(problem === null ? [] : [about(problem)]),
    ...(bundle === null ? [] : [`Bundle   ${bundle.version} from ${bundle.source}`]),
    ...(bundle?.downgrade ? [about(bundle.downgrade)] : []),
    ...(last === null ? [] : [`Last     ${lastLine(last)}`]),
    ...(last?.problem ? [about(last.problem)] : []),
  ].join("\n");
}

function slotLine({ name, version, mayStart, confirmed }: SlotView): string {
  const state = confirmed ? "runs well" : mayStart ? "not confirmed yet" : "not to be started";
  return version === null && !mayStart ? `${name}: empty` : `${name}: ${version ?? "unknown version"}, ${state}`;
}

const RESULTS = {
  installing: "is being installed",
  installed: "is installed and waits for its first good start",
  confirmed: "runs well",
  failed: "failed",
  "fell-back": "did not run well; the image before it runs again",
} as const;

function lastLine({ kind, result, time, from, to }: LastUpdate): string {
  const what = kind === "back" ? "going back" : "update";
  return `${time} ${what} from ${from.version ?? "unknown"} to ${to.version ?? "unknown"}: ${RESULTS[result]}`;
}

export function formatLogs(json: unknown): string {
  const lines = json as Record<string, unknown>[];
  return lines
    .map(({ time, level, msg, module, process: from, cursor: _cursor, ...rest }) => {
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

/** Columns as wide as what is in them; the first row is the heading. */
export function table(rows: readonly (readonly string[])[]): string {
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

/** What is left to know once everything is erased. */
export function formatReset({ interface: name, mac, urls, localUrl }: ResetOutlook): string {
  const where = [...urls, ...(localUrl === null ? [] : [localUrl])];
  const lan = name === null ? "" : `The LAN is ${name} (${mac}), with the address that its DHCP server gives.\n`;
  return `Everything is erased. A new setup token: scsigate setup-token\n${lan}The page: ${
    where.length === 0 ? "see the console for its address" : where.join(", ")
  }`;
}
