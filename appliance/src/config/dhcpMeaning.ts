// SPDX-License-Identifier: Apache-2.0
/** DHCP options of a segment: values as their types want them, and numbers that are free. */
import type { ConfigError } from "../api/status.ts";
import { parseIpv4 } from "../shared/ipv4.ts";
import type { DhcpOptionConfig, SegmentConfig } from "./types.ts";

/** What the gateway sets itself, or what belongs to the protocol, and where that is said instead. */
const OWN: Readonly<Record<number, string>> = {
  1: "ipv4.address",
  3: "ipv4.address",
  6: "names.nameServers",
  12: "stations",
  15: "name",
  26: "extend.mtu",
  28: "ipv4.address",
  42: "time.serve",
  51: "dhcp.leaseSeconds",
  58: "dhcp.leaseSeconds",
  59: "dhcp.leaseSeconds",
  66: "dhcp.boot.server",
  67: "dhcp.boot.file",
};
const PROTOCOL: readonly number[] = [50, 52, 53, 54, 55, 56, 57, 61, 80, 81, 82, 90, 118, 145];
/** RFC 2132 and RFC 5859: lists of IPv4 addresses, and nothing else. */
const OF_ADDRESSES: readonly number[] = [7, 9, 16, 21, 32, 33, 41, 44, 45, 48, 49, 65, 68, 69, 70, 71, 74, 150];

/** @param path of the segment, as a JSON Pointer */
export function checkDhcp({ dhcp }: SegmentConfig, path: string, errors: ConfigError[]): void {
  if (dhcp.boot !== undefined && parseIpv4(dhcp.boot.server) === undefined) {
    const message = `${dhcp.boot.server} is not an IPv4 address`;
    errors.push({ path: `${path}/dhcp/boot/server`, message, nextStep: "Write it as 192.168.1.60." });
  }
  dhcp.options.forEach((option, index) => {
    const { number, type } = option;
    const complain = (key: string, message: string, nextStep: string): void => {
      errors.push({ path: `${path}/dhcp/options/${index}/${key}`, message, nextStep });
    };
    const setting = OWN[number];
    if (setting !== undefined)
      complain("number", `option ${number} is the gateway's own`, `Look at the setting ${setting}.`);
    else if (PROTOCOL.includes(number)) {
      complain(
        "number",
        `option ${number} belongs to the protocol itself`,
        "Remove it: the DHCP server sets it as it must be.",
      );
    } else if (dhcp.options.slice(0, index).some((other) => other.number === number)) {
      complain("number", `option ${number} is set already`, "Put all values of an option into one entry.");
    } else if (type !== "addresses" && OF_ADDRESSES.includes(number)) {
      complain("type", `option ${number} is a list of IPv4 addresses`, "Set type to addresses.");
    }
    if (optionBytes(option) !== undefined) return;
    complain("value", `${option.value} is no value of type ${type}`, FORMS[type]);
  });
}

const FORMS: Record<DhcpOptionConfig["type"], string> = {
  text: "Write printable characters.",
  addresses: "Write IPv4 addresses with commas between: 192.168.1.60,192.168.1.61.",
  number8: "Write a whole number of 0 to 255.",
  number16: "Write a whole number of 0 to 65535.",
  number32: "Write a whole number of 0 to 4294967295.",
  bytes: "Write bytes in hexadecimal with colons between: 01:0a:ff.",
};

/** The value as it goes over the wire; undefined where it is none of its type. */
export function optionBytes({ type, value }: DhcpOptionConfig): number[] | undefined {
  switch (type) {
    case "text":
      return [...Buffer.from(value, "latin1")];
    case "addresses": {
      const list = value.split(",").map((text) => parseIpv4(text.trim()));
      const known = list.filter((address) => address !== undefined);
      return known.length < list.length ? undefined : known.flatMap((address) => bigEndian(address, 4));
    }
    case "number8":
      return numberBytes(value, 1);
    case "number16":
      return numberBytes(value, 2);
    case "number32":
      return numberBytes(value, 4);
    case "bytes":
      if (!/^[0-9a-f]{2}(:[0-9a-f]{2})*$/i.test(value)) return undefined;
      return value.split(":").map((text) => Number.parseInt(text, 16));
  }
}

function numberBytes(text: string, size: number): number[] | undefined {
  if (!/^(0|[1-9][0-9]{0,9})$/.test(text) || Number(text) >= 256 ** size) return undefined;
  return bigEndian(Number(text), size);
}

function bigEndian(value: number, size: number): number[] {
  return Array.from({ length: size }, (_, place) => Math.floor(value / 256 ** (size - 1 - place)) % 256);
}
