// SPDX-License-Identifier: Apache-2.0
// Commands that the kernel's aha152x carries out on the modelled bus one by one: those of a trace, or others.
import { type Connection, connections, type Trace, type Transfer } from "../../../firmware/sim/src/trace.ts";
import type { Vm } from "../vm/vm.ts";
import type { ModelledBus } from "./aha152x.ts";

export interface Command {
  readonly cdb: readonly number[];
  /** Bytes that it sends, or how many it fetches. */
  readonly data?: readonly number[] | number;
}

const REQUEST_SENSE = 0x03;
const INQUIRY = 0x12;

/** The commands of a trace, but what the kernel does by itself: INQUIRY for a new device, REQUEST SENSE after a command that failed. */
export function commandsOf(trace: Trace): Command[] {
  const commands: { cdb: number[]; data?: number[] | number }[] = [];
  const bytes = (connection: Connection, kind: Transfer): number[] =>
    connection.transfers.filter((phase) => phase.kind === kind).flatMap(({ entries }) => entries);
  for (const connection of connections(trace)) {
    if (!connection.reselected) commands.push({ cdb: bytes(connection, "command") });
    const command = commands.at(-1);
    if (command === undefined) continue;
    const sent = bytes(connection, "data-out");
    const fetched = bytes(connection, "data-in").length;
    if (sent.length > 0) command.data = sent;
    else if (fetched > 0) command.data = fetched;
  }
  return commands.filter(({ cdb }) => cdb[0] !== INQUIRY && cdb[0] !== REQUEST_SENSE);
}

/** @param device "h:c:t:l". How a command ends is in the trace, and no matter here. */
export async function issue(bus: ModelledBus, device: string, commands: readonly Command[]): Promise<void> {
  const node = `/dev/$(ls /sys/bus/scsi/devices/${device}/scsi_generic)`;
  for (const { cdb, data } of commands) {
    let options = "";
    if (typeof data === "number") options = `-r ${data} -o /dev/null`;
    else if (data !== undefined) {
      await bus.vm.ok("base64 -d >/run/sent", { input: `${Buffer.from(data).toString("base64")}\n` });
      options = `-s ${data.length} -i /run/sent`;
    }
    const hex = cdb.map((byte) => byte.toString(16).padStart(2, "0"));
    await bus.vm.run(`sg_raw -t 20 ${options} ${node} ${hex.join(" ")}`);
  }
}

/** While no driver takes devices that are found: it would send commands of its own. */
export async function withoutDrivers<T>(vm: Vm, work: () => Promise<T>): Promise<T> {
  const probe = (on: number): Promise<string> =>
    vm.ok(`modprobe scsi_mod; echo ${on} >/sys/bus/scsi/drivers_autoprobe`);
  await probe(0);
  try {
    return await work();
  } finally {
    await probe(1);
  }
}

/** Finds a target by its INQUIRY, issues these, and forgets it again. Return: what happened on the bus. */
export async function recordCommands(bus: ModelledBus, id: number, commands: readonly Command[]): Promise<Trace> {
  await bus.record();
  const device = await bus.scanId(0, id);
  await issue(bus, device, commands);
  const recorded = await bus.recorded();
  await bus.forget(device);
  return recorded;
}
