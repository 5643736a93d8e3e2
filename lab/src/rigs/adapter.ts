// SPDX-License-Identifier: Apache-2.0
// An adapter without a board: the real firmware on an emulated RP2040 in this process (firmware/sim), with a station on its
// bus, and its USB plugged into a VM by USB/IP. The VM has a network to this host ("user").
import { Bench } from "../../../firmware/sim/src/bench.ts";
import { Live } from "../../../firmware/sim/src/live.ts";
import { Station } from "../../../firmware/sim/src/station.ts";
import { UsbipServer } from "../../../firmware/sim/src/usbip-server.ts";
import { adapterFirmware } from "../build/packages.ts";
import { waitFor } from "../time.ts";
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
  readonly #server: UsbipServer;

  private constructor(live: Live, server: UsbipServer) {
    this.#live = live;
    this.#server = server;
  }

  /** @param station IPv4 address of the host on its bus */
  static async start(station: string): Promise<EmulatedAdapter> {
    await adapterFirmware();
    const bench = new Bench();
    const host = new Station(bench, station);
    return new EmulatedAdapter(new Live(bench.chip, () => host.step()), await UsbipServer.listen(bench.usb));
  }

  /** What a VM's usbip says of it. */
  list(vm: Vm): Promise<string> {
    return vm.ok(`usbip --tcp-port ${this.#server.port} list -r ${HOST}`, { timeout: PATIENCE });
  }

  async plug(vm: Vm): Promise<Plugged> {
    await vm.ok("modprobe -a vhci_hcd cdc_ncm cdc_acm");
    await vm.ok(`usbip --tcp-port ${this.#server.port} attach -r ${HOST} -b ${BUS_ID}`, { timeout: PATIENCE });
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
    this.#server.unplug();
  }

  /** Throws what the models of bus and USB found wrong. */
  async stop(): Promise<void> {
    await this.#server.close();
    await this.#live.stop();
  }
}
