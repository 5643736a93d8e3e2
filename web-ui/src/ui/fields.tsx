// SPDX-License-Identifier: Apache-2.0
/** Form pieces: a label, its control, a hint and an error, tied together for screen readers. */
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import type { Offer } from "../core/offers.ts";

interface TextProps {
  label: string;
  value: string;
  onInput: (value: string) => void;
  hint?: string | undefined;
  error?: string | undefined;
  type?: "text" | "password" | "search";
  autocomplete?: string;
  placeholder?: string;
  required?: boolean;
  multiline?: boolean;
  numeric?: boolean;
  disabled?: boolean;
  minLength?: number;
  testid?: string;
  /** Values to choose from, each with what it is; any other may be written as well. */
  offers?: readonly Offer[];
}

export function TextField(props: TextProps) {
  const {
    value,
    onInput,
    offers = [],
    type = "text",
    autocomplete = "off",
    multiline = false,
    numeric = false,
  } = props;
  const id = useId();
  const common = {
    id,
    value,
    autocomplete,
    spellcheck: false,
    required: props.required ?? false,
    disabled: props.disabled ?? false,
    placeholder: props.placeholder,
    "data-testid": props.testid,
    "aria-invalid": props.error === undefined ? undefined : ("true" as const),
    "aria-describedby": described(id, props),
    onInput: (event: Event) => onInput((event.currentTarget as HTMLInputElement | HTMLTextAreaElement).value),
  };
  return (
    <Labelled id={id} {...props}>
      {multiline ? (
        <textarea {...common} rows={4} class="mono" />
      ) : (
        <input
          {...common}
          type={type as "text"} // the types tell apart by it which roles are possible; none is set here
          autocapitalize="off"
          minLength={props.minLength}
          inputMode={numeric ? "numeric" : undefined}
          list={offers.length === 0 ? undefined : `${id}-offers`}
        />
      )}
      {offers.length > 0 && (
        <datalist id={`${id}-offers`}>
          {offers.map(({ value: offered, about }) => (
            <option key={offered} value={offered}>
              {about}
            </option>
          ))}
        </datalist>
      )}
    </Labelled>
  );
}

interface SelectProps {
  label: string;
  value: string;
  options: readonly (readonly [string, string])[];
  onInput: (value: string) => void;
  hint?: string | undefined;
  error?: string | undefined;
  disabled?: boolean;
  testid?: string;
}

export function SelectField({ label, value, options, onInput, hint, error, disabled = false, testid }: SelectProps) {
  const id = useId();
  return (
    <Labelled id={id} label={label} hint={hint} error={error}>
      <select
        id={id}
        value={value}
        disabled={disabled}
        data-testid={testid}
        aria-describedby={described(id, { hint, error })}
        onChange={(event) => onInput(event.currentTarget.value)}
      >
        {options.map(([key, text]) => (
          <option key={key} value={key}>
            {text}
          </option>
        ))}
      </select>
    </Labelled>
  );
}

interface CheckProps {
  label: string;
  checked: boolean;
  onInput: (checked: boolean) => void;
  hint?: string | undefined;
  error?: string | undefined;
  disabled?: boolean;
  testid?: string;
}

export function CheckField({ label, checked, onInput, hint, error, disabled = false, testid }: CheckProps) {
  const id = useId();
  return (
    <div class="field">
      <label class="check" for={id}>
        <input
          id={id}
          type="checkbox"
          checked={checked}
          disabled={disabled}
          data-testid={testid}
          aria-describedby={described(id, { hint, error })}
          onChange={(event) => onInput(event.currentTarget.checked)}
        />
        {label}
      </label>
      <Notes id={id} hint={hint} error={error} />
    </div>
  );
}

interface Notable {
  hint?: string | undefined;
  error?: string | undefined;
}

function Labelled({
  id,
  label,
  hint,
  error,
  children,
}: Notable & { id: string; label: string; children: ComponentChildren }) {
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children}
      <Notes id={id} hint={hint} error={error} />
    </div>
  );
}

function Notes({ id, hint, error }: Notable & { id: string }) {
  return (
    <>
      {hint && (
        <p class="small muted" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {error !== undefined && (
        <p class="small field-error" id={`${id}-error`}>
          {error}
        </p>
      )}
    </>
  );
}

function described(id: string, { hint, error }: Notable): string | undefined {
  const ids = [...(hint ? [`${id}-hint`] : []), ...(error === undefined ? [] : [`${id}-error`])];
  return ids.length === 0 ? undefined : ids.join(" ");
}
