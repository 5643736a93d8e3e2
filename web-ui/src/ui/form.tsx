// SPDX-License-Identifier: Apache-2.0
/** A form from a JSON Schema: one control for each setting, errors at the setting that they are about. */

import { useSignal } from "@preact/signals";
import { asObject, formatPointer, getAt, isObject, type JsonObject } from "@scsigate/appliance/json";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Detail } from "../core/api.ts";
import { refused, served, typed } from "../core/configuration.ts";
import { labelOf } from "../core/labels.ts";
import type { Offer } from "../core/offers.ts";
import { said, told } from "../core/said.ts";
import { strings } from "../strings.ts";
import { CheckField, SelectField, TextField } from "./fields.tsx";

/** A text this long takes more than a line. */
const LONG_TEXT = 2000;
/** As many entries of a list are open at first. */
const OPEN_ENTRIES = 2;

export interface FormContext {
  root: JsonObject;
  errors: readonly Detail[];
  /** Pointers of secrets that are set. */
  secrets: readonly string[];
  disabled: boolean;
  /** A field that has a control of its own; undefined: as its schema says. */
  special?: (field: EntryField) => ComponentChildren | undefined;
  /** Values that a text may be chosen from. */
  offers?: (path: readonly string[]) => readonly Offer[];
  /** What is known of an entry of a list, beside its values. */
  note?: (path: readonly string[], entry: JsonObject) => string | undefined;
}

/** A field of an object that may change its neighbours as well. */
export interface EntryField {
  path: readonly string[];
  label: string;
  hint: string;
  error: string | undefined;
  disabled: boolean;
  testid: string;
  /** What the field is in. */
  entry: JsonObject;
  onEntry: (entry: JsonObject) => void;
}

/** Of a form over the document that is worked on. */
export function contextOf(root: JsonObject, disabled = false): FormContext {
  return { root, errors: refused.value?.errors ?? [], secrets: served.value?.secrets ?? [], disabled };
}

interface FieldProps {
  context: FormContext;
  schema: JsonObject;
  path: readonly string[];
  label: string;
  required: boolean;
  /** Undefined: not in the document, so that the default holds. */
  value: unknown;
  /** Undefined takes it out of the document. */
  onChange: (value: unknown) => void;
}

/** The schema with what it refers to. */
export function resolved(schema: unknown, root: JsonObject): JsonObject {
  const own = asObject(schema);
  const reference = own["$ref"];
  if (typeof reference !== "string") return own;
  return { ...resolved(getAt(root, reference.replace(/^#\//, "").split("/")), root), ...own };
}

export function Field(props: FieldProps) {
  const { schema, context } = props;
  // What can have one value only is not offered.
  if (schema["const"] !== undefined || schema["deprecated"] === true) return null;
  if (schema["oneOf"] !== undefined) return <Choice {...props} />;
  if (schema["enum"] !== undefined) return <Enumeration {...props} />;
  switch (schema["type"]) {
    case "object":
      return <Section {...props} />;
    case "array": {
      const items = resolved(schema["items"], context.root);
      return items["enum"] === undefined ? <List {...props} items={items} /> : <Checks {...props} items={items} />;
    }
    case "boolean":
      return (
        <CheckField
          {...shownOf(props)}
          checked={(props.value ?? schema["default"]) === true}
          onInput={(checked) => props.onChange(checked)}
        />
      );
    default:
      return <Text {...props} />;
  }
}

function aboutOf(schema: JsonObject): string {
  return said(String(schema["description"] ?? ""));
}

function shownOf({ context, schema, path, label }: FieldProps) {
  const pointer = formatPointer(path);
  const found = context.errors.filter((error) => error.path === pointer);
  return {
    label,
    hint: aboutOf(schema),
    error: found.length === 0 ? undefined : found.map(told).join(" "),
    disabled: context.disabled,
    testid: `field${pointer}`,
  };
}

function Text(props: FieldProps) {
  const { context, schema, path, required, value, onChange } = props;
  const number = schema["type"] === "integer";
  const secret = schema["secret"] === true;
  const isSet = secret && context.secrets.includes(formatPointer(path));
  const fallback = schema["default"];
  const hint = aboutOf(schema);
  const onInput = (text: string) => {
    if (text === "" && !required) onChange(undefined);
    else onChange(number && /^-?[0-9]{1,15}$/.test(text) ? Number(text) : text);
  };
  return (
    <>
      <TextField
        {...shownOf(props)}
        hint={fallback === undefined ? hint : `${hint} ${strings.network.defaultIs(String(fallback))}`.trim()}
        value={typeof value === "string" || typeof value === "number" ? String(value) : ""}
        placeholder={isSet ? strings.network.secretSet : String(fallback ?? "")}
        type={secret && Number(schema["maxLength"] ?? 0) < LONG_TEXT ? "password" : "text"}
        autocomplete={secret ? "new-password" : "off"}
        multiline={Number(schema["maxLength"] ?? 0) >= LONG_TEXT}
        numeric={number}
        offers={context.offers?.(path) ?? []}
        onInput={onInput}
      />
      {isSet && !context.disabled && (
        <CheckField
          label={strings.network.secretRemove}
          checked={value === null}
          onInput={(checked) => onChange(checked ? null : undefined)}
        />
      )}
    </>
  );
}

function Enumeration(props: FieldProps) {
  const { schema, value, onChange } = props;
  const values = (schema["enum"] as unknown[]).map(String);
  const current = value ?? schema["default"];
  const options = values.map((name) => [name, name] as const);
  return (
    <SelectField
      {...shownOf(props)}
      value={String(current ?? "")}
      options={current === undefined ? [["", strings.network.unset], ...options] : options}
      onInput={(name) => onChange(name === "" ? undefined : name)}
    />
  );
}

/** One of several forms, told apart by one property. */
function Choice(props: FieldProps) {
  const { context, schema, path, label, value, onChange } = props;
  const place = (name: string) => `${formatPointer(path)} ${name}`;
  const key = String(asObject(schema["discriminator"])["propertyName"]);
  const branches = (schema["oneOf"] as unknown[]).map(asObject);
  const nameOf = (branch: JsonObject) => String(getAt(branch, ["properties", key, "const"]));
  const current = asObject(value ?? schema["default"]);
  const branch = branches.find((one) => nameOf(one) === String(current[key])) ?? {};
  return (
    <Group label={label} hint="">
      <SelectField
        {...shownOf({ ...props, path: [...path, key] })}
        label={labelOf(key)}
        value={String(current[key] ?? "")}
        options={branches.map((one) => [nameOf(one), nameOf(one)] as const)}
        onInput={(name) => {
          typed.set(place(String(current[key])), current);
          const form = asObject(blank(branches.find((one) => nameOf(one) === name) ?? {}, context.root));
          onChange(typed.get(place(name)) ?? { ...form, [key]: name });
        }}
      />
      <ErrorHere {...props} />
      <Properties context={context} schema={branch} path={path} value={current} onChange={onChange} />
    </Group>
  );
}

function Section(props: FieldProps) {
  const { context, schema, path, label, required, value, onChange } = props;
  const optional = !required && schema["default"] === undefined;
  const hint = aboutOf(schema);
  const body = <Properties context={context} schema={schema} path={path} value={asObject(value)} onChange={onChange} />;
  if (!optional) {
    return (
      <Group label={label} hint={hint}>
        <ErrorHere {...props} />
        {body}
      </Group>
    );
  }
  return (
    <Group label={label} hint={hint}>
      <CheckField
        label={strings.network.use}
        testid={`use${formatPointer(path)}`}
        checked={value !== undefined}
        disabled={context.disabled}
        onInput={(checked) => onChange(checked ? blank(schema, context.root) : undefined)}
      />
      {value !== undefined && (
        <>
          <ErrorHere {...props} />
          {body}
        </>
      )}
    </Group>
  );
}

function ErrorHere(props: FieldProps) {
  const { error } = shownOf(props);
  return error === undefined ? null : <p class="small field-error">{error}</p>;
}

interface PropertiesProps {
  context: FormContext;
  schema: JsonObject;
  path: readonly string[];
  value: JsonObject;
  onChange: (value: unknown) => void;
  /** Keys that are shown; all unless told. */
  only?: readonly string[];
}

export function Properties({ context, schema, path, value, onChange, only }: PropertiesProps) {
  const required = Array.isArray(schema["required"]) ? schema["required"] : [];
  return (
    <>
      {Object.entries(asObject(schema["properties"]))
        .filter(([key]) => only?.includes(key) ?? true)
        .map(([key, property]) => {
          const props: FieldProps = {
            context,
            schema: resolved(property, context.root),
            path: [...path, key],
            label: labelOf(key),
            required: required.includes(key),
            value: value[key],
            onChange(next) {
              const { [key]: _before, ...rest } = value;
              onChange(next === undefined ? rest : { ...value, [key]: next });
            },
          };
          return (
            context.special?.({ ...shownOf(props), path: props.path, entry: value, onEntry: onChange }) ?? (
              <Field key={key} {...props} />
            )
          );
        })}
    </>
  );
}

interface ListProps extends FieldProps {
  items: JsonObject;
}

function List(props: ListProps) {
  const { context, schema, path, label, items, value, onChange } = props;
  const entries: readonly unknown[] = Array.isArray(value) ? value : ((schema["default"] as unknown[]) ?? []);
  const one = strings.singular(label);
  const shown = useRef(false);
  useEffect(() => {
    shown.current = true;
  }, []);
  const replace = (index: number, next: unknown) => onChange(entries.map((entry, at) => (at === index ? next : entry)));
  return (
    <Group label={label} hint={aboutOf(schema)}>
      <ErrorHere {...props} />
      {entries.map((entry, index) => {
        const name = strings.network.entry(one, index);
        const own = isObject(entry) && typeof entry["name"] === "string" && entry["name"] !== "" ? entry["name"] : "";
        const field = (
          <Field
            context={context}
            schema={items}
            path={[...path, String(index)]}
            label={own === "" ? name : `${name}: ${own}`}
            required
            value={entry}
            onChange={(next) => replace(index, next ?? "")}
          />
        );
        const buttons = !context.disabled && (
          <div class="buttons">
            {isObject(entry) && <Order label={name} entries={entries} index={index} onChange={onChange} />}
            <button
              type="button"
              aria-label={strings.network.remove(name)}
              onClick={() => onChange(entries.filter((_entry, at) => at !== index))}
            >
              {isObject(entry) ? strings.network.remove(name) : strings.access.remove}
            </button>
          </div>
        );
        const pointer = formatPointer([...path, index]);
        const wrong = context.errors.some((error) => error.path.startsWith(`${pointer}/`));
        return isObject(entry) ? (
          <Entry
            key={index}
            testid={`entry${pointer}`}
            title={own === "" ? name : own}
            summary={[summaryOf(entry), context.note?.([...path, String(index)], entry)].filter(Boolean).join(" · ")}
            // One that is added is open, however many there are.
            opened={shown.current || entries.length <= OPEN_ENTRIES}
            wrong={wrong}
          >
            {field}
            {buttons}
          </Entry>
        ) : (
          <div class="entry" key={index} data-testid={`entry${pointer}`}>
            {field}
            {buttons}
          </div>
        );
      })}
      {!context.disabled && entries.length < Number(schema["maxItems"] ?? Number.POSITIVE_INFINITY) && (
        <button type="button" onClick={() => onChange([...entries, blank(items, context.root)])}>
          {strings.network.add(one)}
        </button>
      )}
    </Group>
  );
}

interface EntryProps {
  testid: string;
  title: string;
  summary: string;
  /** At first; then it is as the reader has it. */
  opened: boolean;
  /** Something in it is: it is not hidden. */
  wrong: boolean;
  children: ComponentChildren;
}

function Entry({ testid, title, summary, opened, wrong, children }: EntryProps) {
  const open = useSignal(opened);
  return (
    <details
      class="entry"
      data-testid={testid}
      open={open.value || wrong}
      onToggle={(event) => {
        open.value = event.currentTarget.open;
      }}
    >
      <summary>
        <strong>{title}</strong> <span class="small muted">{summary}</span>
      </summary>
      {children}
    </details>
  );
}

interface OrderProps {
  label: string;
  entries: readonly unknown[];
  index: number;
  onChange: (value: unknown) => void;
}

/** Moves an entry: the first rule that fits counts. */
function Order({ label, entries, index, onChange }: OrderProps) {
  const swap = (other: number) =>
    onChange(entries.map((entry, at) => (at === index ? entries[other] : at === other ? entries[index] : entry)));
  return (
    <>
      {index > 0 && (
        <button type="button" aria-label={strings.network.up(label)} onClick={() => swap(index - 1)}>
          ↑
        </button>
      )}
      {index < entries.length - 1 && (
        <button type="button" aria-label={strings.network.down(label)} onClick={() => swap(index + 1)}>
          ↓
        </button>
      )}
    </>
  );
}

/** What an entry says in short: its simple values, but for the name. */
function summaryOf(entry: JsonObject): string {
  const simple = Object.entries(entry).filter(
    ([key, value]) => key !== "name" && value !== "" && typeof value !== "object",
  );
  return simple.map(([key, value]) => (typeof value === "boolean" ? labelOf(key) : String(value))).join(", ");
}

/** A set of few values. */
function Checks(props: ListProps) {
  const { context, schema, label, items, value, onChange } = props;
  const chosen = (Array.isArray(value) ? value : ((schema["default"] as unknown[]) ?? [])).map(String);
  const all = (items["enum"] as unknown[]).map(String);
  return (
    <Group label={label} hint={aboutOf(schema)}>
      <ErrorHere {...props} />
      {all.map((name) => (
        <CheckField
          key={name}
          label={name}
          checked={chosen.includes(name)}
          disabled={context.disabled}
          onInput={(checked) => onChange(all.filter((one) => (one === name ? checked : chosen.includes(one))))}
        />
      ))}
    </Group>
  );
}

/** What a new entry or section starts with: its required settings, empty. */
function blank(schema: JsonObject, root: JsonObject): unknown {
  const { type, enum: values, default: fallback, minimum } = schema;
  if (fallback !== undefined) return fallback;
  if (Array.isArray(values)) return values[0];
  if (type === "array") return [];
  if (type === "boolean") return false;
  if (type === "integer") return minimum ?? 0;
  if (type !== "object" && schema["properties"] === undefined) return "";
  const required = Array.isArray(schema["required"]) ? schema["required"].map(String) : [];
  const properties = asObject(schema["properties"]);
  return Object.fromEntries(required.map((key) => [key, blank(resolved(properties[key], root), root)]));
}

function Group({ label, hint, children }: { label: string; hint: string; children: ComponentChildren }) {
  return (
    <fieldset>
      <legend>{label}</legend>
      {hint !== "" && <p class="small muted">{hint}</p>}
      {children}
    </fieldset>
  );
}
