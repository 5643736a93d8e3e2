// SPDX-License-Identifier: Apache-2.0
/** Applies a change, with the time for its confirmation. */
import { signal } from "@preact/signals";
import { isPending, transaction } from "../core/transaction.ts";
import { strings } from "../strings.ts";
import { SelectField } from "./fields.tsx";

/** Choices, seconds. */
const TIMES = [30, 60, 120, 300, 900];
const seconds = signal(120);

interface ApplyProps {
  label: string;
  disabled: boolean;
  onApply: (confirmSeconds: number) => void;
}

export function Apply({ label, disabled, onApply }: ApplyProps) {
  const waits = isPending(transaction.value);
  const off = disabled || waits;
  return (
    <>
      <SelectField
        label={strings.plan.seconds}
        value={String(seconds.value)}
        options={TIMES.map((time) => [String(time), strings.plan.secondsUnit(time)] as const)}
        testid="confirm-seconds"
        onInput={(value) => {
          seconds.value = Number(value);
        }}
      />
      {waits && <p class="muted">{strings.plan.wait}</p>}
      <button
        type="button"
        class="main"
        aria-disabled={off} // a disabled one loses the focus
        onClick={() => {
          if (!off) onApply(seconds.value);
        }}
      >
        {label}
      </button>
    </>
  );
}
