// SPDX-License-Identifier: Apache-2.0
/** Temperatures of the board, and the drivers of its SCSI host adapters. */
import { join } from "node:path";
import type { Temperature } from "../api/status.ts";
import { namesInOrder, text } from "./files.ts";

/** What no sensor of a working board shows, degrees Celsius: readings outside are a sensor that is not connected. */
const PLAUSIBLE = { lowest: -60, highest: 200 };
/** A board has a handful; more would only fill messages. */
const MAX_SENSORS = 16;

/** Thermal zones; where the kernel has none, hardware monitors. @param sys /sys */
export function readTemperatures(sys: string): Temperature[] {
  const zones = namesInOrder(join(sys, "class/thermal"))
    .filter((name) => name.startsWith("thermal_zone"))
    .map((name) => join(sys, "class/thermal", name))
    .flatMap((folder) => temperature(join(folder, "temp"), text(join(folder, "type"))));
  return unique(zones.length > 0 ? zones : hardwareMonitors(sys)).slice(0, MAX_SENSORS);
}

function hardwareMonitors(sys: string): Temperature[] {
  return namesInOrder(join(sys, "class/hwmon")).flatMap((name) => {
    const folder = join(sys, "class/hwmon", name);
    const inputs = namesInOrder(folder).filter((file) => /^temp[0-9]+_input$/.test(file));
    return inputs.flatMap((file) => {
      const label = text(join(folder, file.replace("_input", "_label")));
      return temperature(join(folder, file), `${text(join(folder, "name"))} ${label}`.trim());
    });
  });
}

function temperature(path: string, sensor: string): Temperature[] {
  const value = text(path);
  const celsius = Number(value) / 1000;
  if (value === "" || sensor === "" || !(celsius >= PLAUSIBLE.lowest && celsius <= PLAUSIBLE.highest)) return [];
  return [{ sensor, celsius: Math.round(celsius * 10) / 10 }];
}

/** Several sensors may have one name: numbered from the second on. */
function unique(list: Temperature[]): Temperature[] {
  const seen = new Map<string, number>();
  return list.map((entry) => {
    const count = (seen.get(entry.sensor) ?? 0) + 1;
    seen.set(entry.sensor, count);
    return count === 1 ? entry : { ...entry, sensor: `${entry.sensor} ${count}` };
  });
}

/** Driver of the host adapter that a device h:c:t:l is on; empty when unknown. @param sys /sys */
export function adapterOf(sys: string, device: string): string {
  const host = /^([0-9]+):[0-9]+:[0-9]+:[0-9]+$/.exec(device)?.[1];
  return host === undefined ? "" : text(join(sys, `class/scsi_host/host${host}/proc_name`));
}
