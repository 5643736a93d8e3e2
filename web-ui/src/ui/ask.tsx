// SPDX-License-Identifier: Apache-2.0
/** A button that asks once more, and says what will happen. */
import { useSignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { strings } from "../strings.ts";

interface AskProps {
  label: string;
  /** For screen readers, where the label alone does not tell which one. */
  name?: string;
  /** What will happen. */
  what: string;
  /** While something else is under way. The focus stays, so it is not the attribute of that name. */
  disabled?: boolean;
  onYes: () => void;
}

export function Ask({ label, name = label, what, disabled = false, onYes }: AskProps) {
  const asking = useSignal(false);
  const first = useRef<HTMLButtonElement>(null);
  const asked = useRef(false);
  const open = asking.value;
  // The keyboard goes along, before anybody can press a key: to the harmless answer, and back.
  useLayoutEffect(() => {
    if (open || asked.current) first.current?.focus();
    asked.current = open;
  }, [open]);
  // Another question is not the one that was asked.
  useLayoutEffect(() => {
    asking.value = false;
  }, [label]);
  const answer = (yes: boolean) => {
    if (yes && disabled) return;
    asking.value = false;
    if (yes) onYes();
  };
  if (!open) {
    return (
      <button
        ref={first}
        type="button"
        aria-label={name}
        aria-disabled={disabled}
        onClick={() => {
          asking.value = !disabled;
        }}
      >
        {label}
      </button>
    );
  }
  return (
    <span
      role="alertdialog"
      aria-label={what}
      class="buttons"
      onKeyDown={(event) => {
        if (event.key === "Escape") answer(false);
      }}
    >
      <span>{what}</span>
      <button type="button" class="danger" aria-disabled={disabled} onClick={() => answer(true)}>
        {label}
      </button>
      <button ref={first} type="button" onClick={() => answer(false)}>
        {strings.cancel}
      </button>
    </span>
  );
}
