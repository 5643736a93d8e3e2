// SPDX-License-Identifier: Apache-2.0
/** Questions to the machine and to the LAN, each with an end. What needs root goes through the executor. */
import { createSocket } from "node:dgram";
import { promises as dns } from "node:dns";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { isIP } from "node:net";
import { join } from "node:path";
import { linkName, names, text } from "../../observe/files.ts";
import type { CommandRunner } from "../../shared/commands.ts";
import { errnoOf } from "../../shared/errors.ts";
import { isObject } from "../../shared/json.ts";
import type { Part } from "../environment.ts";
import { parsePing } from "../stations/probes.ts";
import type { ClockFacts, ExportFacts, NameFacts, Reach } from "./diagnose.ts";

/** One question to one name server, milliseconds. */
const NAME_TIMEOUT_MS = 1500;
/** Programs that answer at once, milliseconds. */
const QUICK_MS = 4000;
/** RFC 863: whoever gets it throws it away. It makes the kernel look for the hardware address. */
const DISCARD_PORT = 9;
/** Answers that mean that a server is there. */
const ANSWERED = ["ENODATA", "ENOTFOUND", "ESERVFAIL", "EREFUSED", "ENOTIMP", "EFORMERR"];

/**
 * Whether somebody on the LAN answers: by ping, else by what the kernel's neighbour table says.
 * @param executor sends the echo request, which takes a right that the service has not
 */
export async function probeReach(
  { run, executor }: Part<"run", never, "ping">,
  address: string,
  name: string,
): Promise<Reach> {
  poke(address);
  const answer = await executor
    .ping(address, 1)
    .then(parsePing)
    .catch(() => undefined);
  if (answer !== undefined && answer.received > 0) return { answer: "ping", milliseconds: answer.avg };
  const text = await run("ip", ["-j", "neighbour", "show", "to", address, "dev", name], { timeoutMs: QUICK_MS }).catch(
    () => "",
  );
  const [entry] = text.trim() === "" ? [] : (JSON.parse(text) as unknown[]);
  const states = isObject(entry) && Array.isArray(entry["state"]) ? entry["state"].map(String) : [];
  if (states.includes("REACHABLE") || states.includes("PERMANENT")) return { answer: "arp" };
  if (["STALE", "DELAY", "PROBE"].some((state) => states.includes(state))) return { answer: "silent" };
  return { answer: "nobody" };
}

/** Has the kernel find out who has an address, as far as it does not know it. */
export function poke(address: string): void {
  const socket = createSocket(isIP(address) === 6 ? "udp6" : "udp4");
  socket.on("error", () => {});
  socket.send("", DISCARD_PORT, address, () => socket.close());
}

const RESOLV_CONF = "/etc/resolv.conf";

/** @param wanted a name that has to be known; undefined: any answer is good */
export async function probeNames(hostname: string, wanted: string | undefined): Promise<NameFacts> {
  // Without any, the runtime asks this machine, where nobody may answer.
  const known = await readFile(RESOLV_CONF, "utf8").catch(() => "");
  const servers = /^nameserver\s/m.test(known) ? new dns.Resolver().getServers() : [];
  const asked = wanted ?? hostname;
  const answers = await Promise.all(
    servers.map(async (server) => {
      const resolver = new dns.Resolver({ timeout: NAME_TIMEOUT_MS, tries: 1 });
      resolver.setServers([server]);
      return resolver.resolve4(asked).then(
        () => true,
        (error: unknown) => ANSWERED.includes(errnoOf(error) ?? ""),
      );
    }),
  );
  const answered = servers.find((_server, index) => answers[index] === true) ?? null;
  if (wanted === undefined || answered === null) return { servers, answered, wanted: null };
  // As the connection itself does: /etc/hosts counts, and IPv6.
  const found = await dns.lookup(wanted).then(
    () => true,
    () => false,
  );
  return { servers, answered, wanted: { name: wanted, known: found } };
}

/** chrony's reference identifier while it has no server, and gives its own clock to those who ask. */
const LOCAL_CLOCK = "7F7F0101";

/** Of chrony, where it runs. */
export async function probeClock(run: CommandRunner): Promise<ClockFacts> {
  const text = await run("chronyc", ["-c", "tracking"], { timeoutMs: QUICK_MS }).catch(() => undefined);
  if (text === undefined) return { keeper: false, offset: null };
  // Reference id, name, stratum, reference time, system time's offset, ..., leap status.
  const fields = text.trim().split(",");
  const offset = Math.abs(Number(fields[4]));
  const synchronised =
    fields[0] !== LOCAL_CLOCK && Number(fields[2]) > 0 && fields.at(-1) === "Normal" && Number.isFinite(offset);
  return { keeper: true, offset: synchronised ? offset : null };
}

/** @param sys /sys */
export function loadedModules(sys: string, names: readonly string[]): Set<string> {
  return new Set(names.filter((name) => existsSync(join(sys, "module", name))));
}

/** What the target core shows of a segment's export, by whatever fabric. @param sys /sys */
export function readExport(sys: string, segment: string): ExportFacts {
  const target = join(sys, "kernel/config/target");
  if (text(join(target, "core/ipscsi_0", segment, "enable")) !== "1") return { lun: false, sessions: null };
  for (const fabric of names(target).filter((name) => name !== "core")) {
    for (const name of names(join(target, fabric))) {
      for (const tpgt of names(join(target, fabric, name)).filter((entry) => entry.startsWith("tpgt_"))) {
        const tpg = join(target, fabric, name, tpgt);
        if (!leadsTo(tpg, segment)) continue;
        // The loop fabric has no switch: what is there is on.
        return { lun: text(join(tpg, "enable")) !== "0", sessions: sessionsOf(tpg) };
      }
    }
  }
  return { lun: false, sessions: null };
}

/** Null where the fabric tells nothing of its access lists. */
function sessionsOf(tpg: string): number | null {
  const infos = names(join(tpg, "acls")).map((initiator) => text(join(tpg, "acls", initiator, "info")));
  if (infos.length === 0 || infos.some((info) => info === "")) return null;
  return infos.filter((info) => !info.startsWith("No active")).length;
}

/** The LUN's reference is a link to the storage object. */
function leadsTo(tpg: string, segment: string): boolean {
  const lun = join(tpg, "lun/lun_0");
  return names(lun).some((entry) => linkName(join(lun, entry)) === segment);
}
