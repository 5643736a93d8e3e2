// SPDX-License-Identifier: Apache-2.0
// From a topology to what one run of it needs: ports filled in, mistakes found, an order to start in.
import { LabError } from "../errors.ts";
import type { Topology, VmSpec } from "./types.ts";

export type Ports = Readonly<Record<string, number>>;

function wrong(topology: Topology, what: string): LabError {
  return new LabError("usage", `Topology ${topology.name}: ${what}.`, "Correct it in lab/src/topologies.");
}

/** Throws when the topology contradicts itself. */
export function checkTopology(topology: Topology): void {
  const names = new Set<string>();
  const macs = new Set<string>();
  const wires = new Map<string, number>();
  for (const vm of topology.vms) {
    if (names.has(vm.name)) throw wrong(topology, `two VMs are named ${vm.name}`);
    names.add(vm.name);
    for (const nic of vm.interfaces) {
      if (macs.has(nic.mac)) throw wrong(topology, `two interfaces have the address ${nic.mac}`);
      macs.add(nic.mac);
      if (nic.kind === "wire") wires.set(nic.wire, (wires.get(nic.wire) ?? 0) + 1);
      else {
        for (const port of Object.keys(nic.forwards)) {
          if (topology.ports[port] === undefined) throw wrong(topology, `${vm.name} forwards the unknown port ${port}`);
        }
      }
    }
    for (const adapter of vm.adapters) {
      if (topology.ports[adapter.port] === undefined) {
        throw wrong(topology, `${vm.name} has an adapter behind the unknown port ${adapter.port}`);
      }
    }
  }
  for (const [wire, ends] of wires) {
    if (ends !== 2) throw wrong(topology, `wire ${wire} has ${ends} ends instead of 2`);
  }
  startOrder(topology);
}

/** Groups of VMs; those of one group start together, as soon as all of the groups before are ready. */
export function startOrder(topology: Topology): VmSpec[][] {
  const groups: VmSpec[][] = [];
  const started = new Set<string>();
  let waiting = [...topology.vms];
  while (waiting.length > 0) {
    const group = waiting.filter((vm) => vm.after.every((name) => started.has(name)));
    if (group.length === 0) {
      throw wrong(
        topology,
        `${waiting.map((vm) => vm.name).join(", ")} wait for each other or for VMs that do not exist`,
      );
    }
    for (const vm of group) started.add(vm.name);
    groups.push(group);
    waiting = waiting.filter((vm) => !started.has(vm.name));
  }
  return groups;
}

/** Replaces {{port:NAME}}. */
export function fillPorts(text: string, ports: Ports): string {
  return text.replaceAll(/\{\{port:([a-z0-9-]+)\}\}/g, (whole, name: string) => {
    const port = ports[name];
    if (port === undefined) throw new LabError("usage", `${whole} names no port.`, "Correct it in lab/src/topologies.");
    return String(port);
  });
}

/** The two ends of a wire by VM name: [own number, other's number], 0 and 1 in the order of the topology. */
export function wireEnd(topology: Topology, wire: string, vm: string): 0 | 1 {
  const ends = topology.vms.filter((spec) => spec.interfaces.some((nic) => nic.kind === "wire" && nic.wire === wire));
  return ends[0]?.name === vm ? 0 : 1;
}
