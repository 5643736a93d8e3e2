// SPDX-License-Identifier: Apache-2.0
/**
 * Adapters on USB, by what sysfs says of them: identity and serial number. What the kernel or udev calls their network
 * interface does not matter. Nothing here needs root.
 */
import { realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Adapter } from "../api/status.ts";
import { ScsigateError } from "../shared/errors.ts";
import { names, text } from "./files.ts";

/** As firmware/src/usb/usb.c has them. The number is pid.codes' one for tests, so the names count as well. */
const IDENTITY = { vendor: "1209", product: "0001", manufacturer: "scsigate", name: "SCSI adapter" } as const;
/** The boot loader in an RP2040's ROM. Its serial number is the same on all chips. */
const BOOT_LOADER = { vendor: "2e8a", product: "0003" } as const;

const BOOT_LOADER_STEP =
  "Copy scsigate-adapter.uf2 onto the disk RPI-RP2 that it shows, or unplug it and plug it in again without BOOTSEL.";

export interface UsbAdapter {
  serial: string;
  /** Whether it says that it is an adapter of ours. */
  ours: boolean;
  /** Manufacturer and product as it says. */
  description: string;
  /** Name of the network interface; undefined while there is none. */
  interface: string | undefined;
  /** Name of the management port's device in /dev. */
  tty: string | undefined;
}

export interface UsbAdapters {
  /** All USB devices with a serial number that could be meant. */
  adapters: UsbAdapter[];
  /** How many RP2040 wait in their boot loader. */
  bootLoaders: number;
}

/** @param sys /sys */
export function readUsbAdapters(sys: string): UsbAdapters {
  const root = join(sys, "bus/usb/devices");
  const adapters: UsbAdapter[] = [];
  let bootLoaders = 0;
  // 1-1.4 is a device, 1-1.4:1.0 an interface of it.
  for (const device of names(root).filter((name) => /^[0-9]+-[0-9.]+$/.test(name))) {
    const folder = join(root, device);
    const [vendor, product] = [text(join(folder, "idVendor")), text(join(folder, "idProduct"))];
    if (vendor === BOOT_LOADER.vendor && product === BOOT_LOADER.product) bootLoaders += 1;
    const serial = text(join(folder, "serial"));
    if (serial === "") continue;
    const functions = names(folder).filter((name) => name.startsWith(`${device}:`));
    const first = (kind: string) => functions.flatMap((name) => names(join(folder, name, kind))).sort()[0];
    adapters.push({
      serial,
      ours: isOurs(folder),
      description: [text(join(folder, "manufacturer")), text(join(folder, "product"))].join(" ").trim(),
      interface: first("net"),
      tty: first("tty"),
    });
  }
  return { adapters, bootLoaders };
}

/**
 * @param sys /sys
 * @throws ScsigateError adapter-absent, adapter-boot-loader or adapter-wrong
 */
export function findAdapter(sys: string, serial: string): UsbAdapter {
  const { adapters, bootLoaders } = readUsbAdapters(sys);
  const usb = adapters.find((entry) => entry.serial === serial);
  if (usb?.ours === true) return usb;
  if (usb !== undefined) {
    throw new ScsigateError(
      "adapter-wrong",
      `the USB device ${serial} is no adapter of scsigate: it says "${usb.description}"`,
      "Put the adapter's firmware on the board (docs/adapter.md), or name another serial number; `scsigate adapters` lists them.",
    );
  }
  if (bootLoaders > 0) {
    throw new ScsigateError(
      "adapter-boot-loader",
      `the adapter ${serial} is not there, and a board waits in its boot loader`,
      BOOT_LOADER_STEP,
    );
  }
  throw new ScsigateError(
    "adapter-absent",
    `the adapter ${serial} is not plugged in`,
    "Check its USB cable, which must carry data; `scsigate adapters` lists what is there.",
  );
}

/** @param owners segments that use an adapter, by its serial number */
export function listUsbAdapters(sys: string, owners: ReadonlyMap<string, string>): Adapter[] {
  const { adapters, bootLoaders } = readUsbAdapters(sys);
  const own = adapters.filter(({ ours }) => ours);
  const waiting: Adapter = {
    ...{ fabric: "adapter", port: null, device: null, link: "unknown", state: "unusable", exports: [] },
    problem: {
      code: "adapter-boot-loader",
      message: "a board waits in its boot loader",
      nextStep: BOOT_LOADER_STEP,
    },
  };
  return [
    ...own.map(({ serial, interface: device = null }): Adapter => {
      const segment = owners.get(serial);
      const carrier = device === null ? "" : text(join(sys, "class/net", device, "carrier"));
      return {
        ...{ fabric: "adapter", port: serial, device, problem: null },
        link: carrier === "" ? "unknown" : carrier === "1" ? "up" : "down",
        state: segment === undefined ? "usable" : "exported",
        exports: segment === undefined ? [] : [{ segment, target: serial, enabled: device === segment }],
      };
    }),
    ...Array.from({ length: bootLoaders }, () => waiting),
  ];
}

/** Whether a network interface is that of an adapter. @param folder of the interface, in /sys/class/net */
export function isAdapterInterface(folder: string): boolean {
  try {
    // device leads to the USB interface, the device itself is around it.
    return isOurs(dirname(realpathSync(join(folder, "device"))));
  } catch {
    return false;
  }
}

function isOurs(folder: string): boolean {
  const { vendor, product, manufacturer, name } = IDENTITY;
  return (
    text(join(folder, "idVendor")) === vendor &&
    text(join(folder, "idProduct")) === product &&
    text(join(folder, "manufacturer")) === manufacturer &&
    text(join(folder, "product")) === name
  );
}
