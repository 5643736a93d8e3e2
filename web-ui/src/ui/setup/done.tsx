// SPDX-License-Identifier: Apache-2.0
/** The setup's end: what to type on a host of the segment, and the first station when it comes. */
import { asObject } from "@scsigate/appliance/json";
import { useEffect } from "preact/hooks";
import { dropDraft, loadConfiguration, served } from "../../core/configuration.ts";
import { href } from "../../core/router.ts";
import { status } from "../../core/store.ts";
import { strings } from "../../strings.ts";
import { segmentsOf } from "./addresses.ts";

const words = strings.setup;

export function Done() {
  useEffect(() => {
    dropDraft();
    loadConfiguration().catch(() => {}); // what to type is then of the old document; the frame tells of the connection
  }, []);
  const station = status.value?.segments.flatMap(({ stations }) => stations).find(({ state }) => state === "up");
  return (
    <section class="card" data-testid="setup-done">
      <p>{words.typeThis}</p>
      <pre class="mono">{commands().join("\n")}</pre>
      <p class="small muted">{hasDriverDisk() ? words.typeWhyDisk : words.typeWhy}</p>
      <div aria-live="polite">
        {station === undefined ? (
          <p class="waiting">{words.waiting}</p>
        ) : (
          <p class="arrived">
            <svg viewBox="0 0 32 32" aria-hidden="true" focusable="false">
              <circle cx="16" cy="16" r="14" />
              <path d="M9 17L14 22L23 11" />
            </svg>
            {words.arrived(station.name || station.address)}
          </p>
        )}
      </div>
      <p>
        <a class="button main" href={href("overview")}>
          {words.toOverview}
        </a>
      </p>
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
