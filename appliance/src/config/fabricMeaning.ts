// SPDX-License-Identifier: Apache-2.0
/** What a segment's fabric must fit: one port, target or adapter each, and whom it admits. */
import type { ConfigError } from "../api/status.ts";
import { parseIpv4 } from "../shared/ipv4.ts";
import type { AdapterFabric, ChapConfig, IscsiFabric, PortFabric, SegmentConfig } from "./types.ts";

export function checkFabric(
  { fabric }: SegmentConfig,
  path: string,
  earlier: SegmentConfig[],
  chap: ChapConfig,
  errors: ConfigError[],
): void {
  if (fabric.type === "iscsi") checkIscsi(fabric, path, earlier, chap, errors);
  if (fabric.type === "qla2xxx" || fabric.type === "srpt" || fabric.type === "sbp") {
    checkPort(fabric, path, earlier, errors);
  }
  if (fabric.type === "adapter") checkAdapter(fabric, path, earlier, errors);
}

function openOnNetwork(type: string, path: string): ConfigError {
  return {
    path: `${path}/fabric/open`,
    message: `${type} is reachable over a network: open would let everybody on it read and send for any host`,
    nextStep: "Name the hosts in initiators, and set open to false. Only a bus of its own (qla2xxx, sbp) may be open.",
  };
}

function checkAdapter(fabric: AdapterFabric, path: string, earlier: SegmentConfig[], errors: ConfigError[]): void {
  const { serial, scsiId, daynaport } = fabric;
  if (daynaport?.enabled === true && daynaport.scsiId === scsiId) {
    errors.push({
      path: `${path}/fabric/daynaport/scsiId`,
      message: `the adapter itself has the ID ${scsiId}`,
      nextStep: "Give the DaynaPORT another one that nothing on the bus has.",
    });
  }
  if (!earlier.some(({ fabric }) => fabric.type === "adapter" && fabric.serial === serial)) return;
  errors.push({
    path: `${path}/fabric/serial`,
    message: `another segment uses the adapter ${serial}`,
    nextStep: "Give each segment its own adapter; `scsigate adapters` lists them.",
  });
}

/** A port leads to one segment, and says whom it admits. */
function checkPort(fabric: PortFabric, path: string, earlier: SegmentConfig[], errors: ConfigError[]): void {
  const { type, port, open } = fabric;
  if (earlier.some((other) => other.fabric.type === type && other.fabric.port === port)) {
    errors.push({
      path: `${path}/fabric/port`,
      message: `another segment uses ${port}`,
      nextStep: "Give each segment its own port; `scsigate adapters` lists them.",
    });
  }
  if (type === "srpt" && open) errors.push(openOnNetwork(type, path));
  if (type === "sbp" && !open) {
    errors.push({
      path: `${path}/fabric/open`,
      message: "the kernel's FireWire target admits every host on the bus, and cannot be told otherwise",
      nextStep: "Set open to true if everybody on this FireWire bus may use the segment; else use another fabric.",
    });
  }
  if (type !== "qla2xxx") return;
  if (open && fabric.initiators.length > 0) {
    errors.push({
      path: `${path}/fabric/initiators`,
      message: "an open port admits every host, not only these",
      nextStep: "Set open to false, or leave initiators out.",
    });
  }
  if (!open && fabric.initiators.length === 0) {
    errors.push({
      path: `${path}/fabric/initiators`,
      message: "nobody may use the segment",
      nextStep: "Name the hosts' port names, or set open to true if every host on this fabric may use it.",
    });
  }
}

/** What a segment asks of section chap and is not there, in words. */
function missingChap(authentication: IscsiFabric["authentication"], chap: ChapConfig): string | undefined {
  const { user, password, gatewayUser, gatewayPassword } = chap;
  if (authentication === "none") return undefined;
  if (user === undefined || password === undefined) return "chap.user and chap.password are";
  if (authentication === "chap") return undefined;
  return gatewayUser === undefined || gatewayPassword === undefined
    ? "chap.gatewayUser and chap.gatewayPassword are"
    : undefined;
}

function checkIscsi(
  fabric: IscsiFabric,
  path: string,
  earlier: SegmentConfig[],
  chap: ChapConfig,
  errors: ConfigError[],
): void {
  if (fabric.open) errors.push(openOnNetwork("iscsi", path));
  const missing = missingChap(fabric.authentication, chap);
  if (missing !== undefined) {
    errors.push({
      path: `${path}/fabric/authentication`,
      message: `${fabric.authentication} is asked for, and ${missing} not set`,
      nextStep: "Set them, or set authentication to none.",
    });
  }
  if (earlier.some((other) => other.fabric.type === "iscsi" && other.fabric.target === fabric.target)) {
    errors.push({
      path: `${path}/fabric/target`,
      message: `another segment uses ${fabric.target}`,
      nextStep: "Give each segment its own target name.",
    });
  }
  fabric.portals.forEach((portal, index) => {
    const [host = "", port = ""] = portal.split(":");
    if (parseIpv4(host) === undefined || Number(port) < 1 || Number(port) > 65535) {
      errors.push({
        path: `${path}/fabric/portals/${index}`,
        message: `${portal} is not an IPv4 address and a port`,
        nextStep: "Write it as 10.0.2.15:3260, or 0.0.0.0:3260 for all addresses.",
      });
    }
  });
}
