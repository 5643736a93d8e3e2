// SPDX-License-Identifier: Apache-2.0
// GPIO lines in a folder that stands for /sys/class/gpio: that the kernel's own has this form, lab/scenarios shows.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { validateRequest } from "#request-validator";
import { giveLines } from "../../src/executor/gpio.ts";
import { type TestExecutor, testExecutor } from "../support/executor.ts";

const GPIO = "sys/class/gpio";

const gpio = suite<TestExecutor>("GPIO lines");

gpio.before.each((test) => {
  Object.assign(test, testExecutor());
  const line = { value: "0", direction: "in", active_low: "0" };
  const lines = ["gpio525", "gpio526"].flatMap((name) =>
    Object.entries(line).map(([file, text]) => [`${GPIO}/${name}/${file}`, `${text}\n`]),
  );
  test.tree.write({
    [`${GPIO}/export`]: "",
    [`${GPIO}/unexport`]: "",
    [`${GPIO}/gpiochip512/label`]: "pinctrl-rp1\n",
    [`${GPIO}/gpiochip512/base`]: "512\n",
    [`${GPIO}/gpiochip512/ngpio`]: "54\n",
    [`${GPIO}/gpiochip566/label`]: "firmware-gpio\n",
    [`${GPIO}/gpiochip566/base`]: "566\n",
    [`${GPIO}/gpiochip566/ngpio`]: "8\n",
    ...Object.fromEntries(lines),
  });
});
gpio.after.each(({ tree }) => tree.dispose());

const LINE = { chip: "pinctrl-rp1", offset: 13 };

gpio(
  "a line is found by its chip's label, wherever the kernel has numbered that, and goes back when it is not wanted",
  async (test) => {
    assert.equal(await giveLines([LINE], test.context), [{ number: 525 }]);
    assert.equal(await giveLines([], test.context), []);
    assert.is(test.tree.read(`${GPIO}/unexport`), "", "it was there before us: somebody else's");
  },
);

gpio("one that we export is ours to take back, and only that one", async (test) => {
  // The kernel makes the folder when the number is written; this stand-in does not.
  assert.equal(await giveLines([{ ...LINE, offset: 15 }], test.context), [{ number: 527 }]);
  assert.is(test.tree.read(`${GPIO}/export`), "527");
  await giveLines([], test.context);
  assert.is(test.tree.read(`${GPIO}/unexport`), "527");
});

gpio("what is wrong is told for each line, with what there is; the others work", async (test) => {
  const lines = [{ chip: "nonesuch", offset: 1 }, { chip: "firmware-gpio", offset: 8 }, LINE];
  const [chip, offset, good] = await giveLines(lines, test.context);
  assert.equal(chip, {
    problem: {
      code: "gpio-unusable",
      message: 'there is no GPIO chip "nonesuch"',
      nextStep: "There are: firmware-gpio, pinctrl-rp1.",
    },
  });
  assert.match(JSON.stringify(offset), "Its lines are 0 to 7");
  assert.equal(good, { number: 525 });
});

gpio("a machine without GPIO says so", async (test) => {
  test.tree.dispose();
  Object.assign(test, testExecutor());
  assert.match(JSON.stringify(await giveLines([LINE], test.context)), "This machine has none");
});

gpio("labels and offsets are all that a request can say", () => {
  const valid = (line: object) => validateRequest({ type: "gpio", id: 1, lines: [line] });
  assert.ok(valid(LINE));
  for (const chip of ["", " a", "a\nb", "x".repeat(65)]) assert.not.ok(valid({ ...LINE, chip }), chip);
  assert.not.ok(valid({ ...LINE, offset: 1024 }));
});

gpio.run();
