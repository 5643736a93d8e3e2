// SPDX-License-Identifier: Apache-2.0
/** The setup's end: what to type on a host of the segment, and the first station when it comes. */
import { asObject } from "@scsigate/appliance/json";
import { useEffect } from "preact/hooks";
import { dropDraft, loadConfiguration, served } from "../../core/configuration.ts";
import { href } from "../../core/router.ts";
import { move } from "../../core/steps.ts";
import { status } from "../../core/store.ts";
import { strings } from "../../strings.ts";
import { segmentsOf } from "./addresses.ts";
import { Arrival } from "./arrival.tsx";

const words = strings.setup;

export function Done() {
  useEffect(() => {
    dropDraft();
    loadConfiguration().catch(() => {}); // what to type is then of the old document; the frame tells of the connection
  }, []);
  const here = (status.value?.segments ?? []).flatMap((segment) =>
    segment.stations.filter(({ state }) => state === "up").map((station) => ({ segment, station })),
  );
  const first = here.find(({ station }) => station.ip !== null) ?? here[0];
  return (
    <section class="card" data-testid="setup-done">
      <p>{words.typeThis}</p>
      <pre class="mono">{commands().join("\n")}</pre>
      <p class="small muted">{hasDriverDisk() ? words.typeWhyDisk : words.typeWhy}</p>
      {first === undefined ? (
        <p class="waiting">{words.waiting}</p>
      ) : (
        <Arrival segment={first.segment} name={first.station.name || first.station.address} />
      )}
      <div class="buttons">
        <a class="button main" href={href("overview")}>
          {words.toOverview}
        </a>
        <button type="button" onClick={() => move(-1)}>
          {words.back}
        </button>
      </div>
    </section>
  );
}

/** Fabrics on which hosts find the driver disk; the supervisor's plan has the same list. */
const DISK_FABRICS: readonly unknown[] = ["iscsi", "qla2xxx", "srpt"];

function firstSegment() {
  return segmentsOf(served.value?.document ?? {})[0];
}

function hasDriverDisk(): boolean {
  const segment = firstSegment();
  return segment?.["driverDisk"] !== false && DISK_FABRICS.includes(asObject(segment?.["fabric"])["type"]);
}

/** On a Linux host of the first segment, as root. */
function commands(): string[] {
  const fabric = asObject(firstSegment()?.["fabric"]);
  const storage = status.value?.storage?.addresses[0]?.split("/")[0] ?? words.storageAddress;
  const login =
    fabric["type"] === "iscsi"
      ? [
          `iscsiadm -m discovery -t sendtargets -p ${storage}`,
          `iscsiadm -m node -T ${String(fabric["target"])} --login`,
        ]
      : [];
  // The disk comes with the segment, so the login is first.
  if (hasDriverDisk()) return [...login, "mount -o ro LABEL=SCSIGATE /mnt", "sh /mnt/install.sh", "dhclient seg0"];
  return ["modprobe ipscsi", ...login, "dhclient seg0"];
}
