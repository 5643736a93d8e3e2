// SPDX-License-Identifier: Apache-2.0
/**
 * Lines of GPIO chips for the service, by the kernel's interface in sysfs (Documentation/admin-guide/gpio/sysfs.rst): only root may
 * export them. The service opens them, and nobody else has them meanwhile.
 */
import { chown, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { GivenLine, RequestOf } from "../protocol/messages.ts";
import { errnoOf, ScsigateError, toProblem } from "../shared/errors.ts";
import type { ExecutorContext } from "./context.ts";
import { exists } from "./files.ts";
import { Ours } from "./ours.ts";

type LineName = RequestOf<"gpio">["lines"][number];

/** What the service writes and reads of a line. */
const FILES = ["value", "direction", "active_low"];

interface Chip {
  label: string;
  /** Number of its first line: another one on other kernels. */
  base: number;
  /** How many it has. */
  count: number;
}

/** Exports these lines and gives them to the service; those that were given before and are not among them go back. */
export async function giveLines(lines: readonly LineName[], context: ExecutorContext): Promise<GivenLine[]> {
  const ours = new Ours(context.paths.run, "gpio");
  const chips = lines.length === 0 ? [] : await readChips(context.paths.sys);
  const given: GivenLine[] = [];
  for (const line of lines) {
    given.push(
      await giveLine(line, chips, ours, context).then(
        (number) => ({ number }),
        (error: unknown) => ({ problem: toProblem(error) }),
      ),
    );
  }
  const kept = new Set(given.flatMap((one) => ("number" in one ? [String(one.number)] : [])));
  for (const number of (await ours.names()).filter((name) => !kept.has(name))) {
    await writeFile(join(context.paths.sys, "class/gpio/unexport"), number).catch(() => {}); // its chip may be gone
    await ours.forget(number);
  }
  return given;
}

async function giveLine(
  { chip: label, offset }: LineName,
  chips: readonly Chip[],
  ours: Ours,
  { paths, serviceUser }: ExecutorContext,
): Promise<number> {
  const folder = join(paths.sys, "class/gpio");
  const chip = chips.find((one) => one.label === label);
  if (chip === undefined) {
    const known = [...new Set(chips.map((one) => one.label))].sort().join(", ");
    const nextStep = known === "" ? "This machine has none: take the line out of panel." : `There are: ${known}.`;
    throw new ScsigateError("gpio-unusable", `there is no GPIO chip "${label}"`, nextStep);
  }
  if (offset >= chip.count) {
    const nextStep = `Its lines are 0 to ${chip.count - 1}: correct panel.`;
    throw new ScsigateError("gpio-unusable", `the GPIO chip ${label} has no line ${offset}`, nextStep);
  }
  const number = chip.base + offset;
  const line = join(folder, `gpio${number}`);
  if (!(await exists(line))) {
    await writeFile(join(folder, "export"), String(number)).catch((error: unknown) => {
      const why = errnoOf(error) === "EBUSY" ? "something else uses it" : String(error);
      const nextStep = "Choose another line; gpioinfo tells who has it.";
      throw new ScsigateError("gpio-unusable", `line ${offset} of ${label} cannot be had: ${why}`, nextStep);
    });
    await ours.note(String(number), `${label} ${offset}`);
  }
  if (serviceUser !== undefined) {
    for (const file of FILES) await chown(join(line, file), serviceUser.uid, serviceUser.gid);
  }
  return number;
}

async function readChips(sys: string): Promise<Chip[]> {
  const folder = join(sys, "class/gpio");
  const chips: Chip[] = [];
  for (const name of await readdir(folder).catch(() => [])) {
    if (!name.startsWith("gpiochip")) continue;
    const read = (file: string) => readFile(join(folder, name, file), "utf8").then((text) => text.trim());
    const values = await Promise.all([read("label"), read("base"), read("ngpio")]).catch(() => undefined);
    if (values === undefined) continue;
    const [label, base, count] = values;
    chips.push({ label, base: Number(base), count: Number(count) });
  }
  return chips;
}
