// SPDX-License-Identifier: Apache-2.0
// An adapter without a board: the real firmware on an emulated RP2040 in this process (firmware/sim), a scripted station or VMs
// on its bus, and its USB plugged into a VM by USB/IP. The VM has a network to this host ("user").
import { Bench } from "../../../firmware/sim/src/bench.ts";
import { IscsiTarget } from "../../../firmware/sim/src/iscsi-target.ts";
import { Live } from "../../../firmware/sim/src/live.ts";
import { Station } from "../../../firmware/sim/src/station.ts";
import { UsbipServer } from "../../../firmware/sim/src/usbip-server.ts";
import { adapterFirmware } from "../build/packages.ts";
import { waitFor } from "../time.ts";
import type { Ports } from "../topologies/expand.ts";
import type { Vm } from "../vm/vm.ts";

/** This host, as VMs see it. */
const HOST = "10.0.2.2";
const BUS_ID = "1-1";
/** For the emulated board, which is some ten times slower than a real one, milliseconds. */
const PATIENCE = 120_000;

/** What Linux made of the device. */
export interface Plugged {
  /** The interface of CDC-NCM. */
  readonly interface: string;
  /** The serial line of CDC-ACM. */
  readonly tty: string;
}

export class EmulatedAdapter {
  readonly #live: Live;
  readonly #usb: UsbipServer;
  readonly #bus: IscsiTarget | undefined;

  private constructor(live: Live, usb: UsbipServer, bus?: IscsiTarget) {
    this.#live = live;
    this.#usb = usb;
    this.#bus = bus;
  }

  /** A board with a scripted station of this IPv4 address on its bus. */
  static async withStation(address: string): Promise<EmulatedAdapter> {
    await adapterFirmware();
    const bench = new Bench();
    const station = new Station(bench, address);
    const usb = await UsbipServer.listen(bench.usb);
    const live = new Live(
      bench.chip,
      () => station.step(),
      () => usb.attached,
    );
    return new EmulatedAdapter(live, usb);
  }

  /** A board whose bus VMs are on, by the ports "usb" and "bus" of their topology; the latter is the target that they name. */
  static async withHosts(ports: Ports, target: string): Promise<EmulatedAdapter> {
    await adapterFirmware();
    const bench = new Bench();
    const usb = await UsbipServer.listen(bench.usb, ports["usb"]);
    const bus = await IscsiTarget.listen(bench, target, ports["bus"]);
    return new EmulatedAdapter(new Live(bench.chip, undefined, () => usb.attached), usb, bus);
  }

  /** What a VM's usbip says of it. */
  list(vm: Vm): Promise<string> {
    return vm.ok(`usbip --tcp-port ${this.#usb.port} list -r ${HOST}`, { timeout: PATIENCE });
  }

  async plug(vm: Vm): Promise<Plugged> {
    await vm.ok("modprobe -a vhci_hcd cdc_ncm cdc_acm");
    await vm.ok(`usbip --tcp-port ${this.#usb.port} attach -r ${HOST} -b ${BUS_ID}`, { timeout: PATIENCE });
    return waitFor(
      "the drivers to have the adapter",
      async () => {
        const { stdout } = await vm.run("ls -d /sys/bus/usb/devices/1-1:*/net/* /sys/bus/usb/devices/1-1:*/tty/*");
        const [, name] = /\/net\/(\S+)/.exec(stdout) ?? [];
        const [, line] = /\/tty\/(\S+)/.exec(stdout) ?? [];
        return name !== undefined && line !== undefined && { interface: name, tty: `/dev/${line}` };
      },
      { timeout: PATIENCE },
    );
  }

  /** Pulls the plug, without a word to the VM. */
  unplug(): void {
    this.#usb.unplug();
  }

  /** Throws what the models of bus and USB found wrong. */
  async stop(): Promise<void> {
    await this.#usb.close();
    await this.#bus?.close();
    await this.#live.stop();
  }
}
