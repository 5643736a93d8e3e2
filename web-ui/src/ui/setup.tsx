// SPDX-License-Identifier: Apache-2.0
/** The page Setup: administrator, gateway mode, summary; then it waits for the first station. */
import { signal, useSignal } from "@preact/signals";
import { asObject, type JsonObject } from "@scsigate/appliance/json";
import { useEffect } from "preact/hooks";
import {
  apply,
  draft,
  dropDraft,
  edit,
  isCode,
  loadConfiguration,
  plan,
  refused,
  served,
} from "../core/configuration.ts";
import { href } from "../core/router.ts";
import { may, setUp } from "../core/session.ts";
import { session, status } from "../core/store.ts";
import { decided, isPending, transaction } from "../core/transaction.ts";
import { strings } from "../strings.ts";
import { submits, useAction } from "./action.ts";
import { Apply } from "./apply.tsx";
import { TextField } from "./fields.tsx";
import { PageTitle } from "./parts.tsx";
import { Plan } from "./plan.tsx";
import { ProblemNotice } from "./problem.tsx";

const words = strings.setup;
const MODES = ["routed", "nat", "proxy", "bridge"] as const;
type Mode = (typeof MODES)[number];

/** Which step after the administrator: choose, look, done. */
const step = signal<"network" | "summary" | "done">("network");

export function Setup() {
  const needed = session.value?.setupNeeded ?? true;
  const now = needed ? 0 : ["network", "summary", "done"].indexOf(step.value) + 1;
  return (
    <>
      <PageTitle>{words.title}</PageTitle>
      <p class="muted" aria-live="polite">
        {words.step(now + 1, words.steps.length, words.steps[now] ?? "")}
      </p>
      {needed && <Administrator />}
      {!needed && !may("admin") && <p>{strings.needs("admin")}</p>}
      {!needed && may("admin") && step.value === "network" && <ChooseNetwork />}
      {!needed && may("admin") && step.value === "summary" && <Summary />}
      {!needed && may("admin") && step.value === "done" && <Done />}
    </>
  );
}

function Administrator() {
  const token = useSignal("");
  const name = useSignal("");
  const password = useSignal("");
  const again = useSignal("");
  const action = useAction();
  const differ = again.value !== "" && again.value !== password.value;
  const submit = submits(() => {
    if (again.value !== password.value) return;
    step.value = "network";
    void action.run(() => setUp(token.value.trim(), name.value, password.value));
  });
  return (
    <form class="card narrow" onSubmit={submit} data-testid="setup-administrator">
      <ProblemNotice problem={action.problem} />
      <TextField
        label={words.token}
        hint={words.tokenHint}
        value={token.value}
        required
        onInput={(value) => {
          token.value = value;
        }}
      />
      <TextField
        label={words.name}
        hint={words.nameHint}
        autocomplete="username"
        value={name.value}
        required
        onInput={(value) => {
          name.value = value;
        }}
      />
      <TextField
        label={words.password}
        hint={words.passwordHint}
        type="password"
        autocomplete="new-password"
        minLength={12}
        value={password.value}
        required
        onInput={(value) => {
          password.value = value;
        }}
      />
      <TextField
        label={words.repeat}
        type="password"
        autocomplete="new-password"
        value={again.value}
        required
        error={differ ? words.differ : undefined}
        onInput={(value) => {
          again.value = value;
        }}
      />
      <button type="submit" class="main" disabled={action.busy}>
        {words.create}
      </button>
    </form>
  );
}

function ChooseNetwork() {
  const action = useAction();
  useEffect(() => {
    if (draft.value === undefined) void action.run(loadConfiguration);
  }, []);
  const known = served.value;
  if (known === undefined) {
    return action.problem ? <ProblemNotice problem={action.problem} /> : <p class="empty">{strings.loading}</p>;
  }
  const document = draft.value ?? known.document;
  const mode = modeOf(document);
  const part = partOf(document);
  const choose = (next: Mode) => edit(withMode({ ...document, mode: next }, next, suggestedPart()));
  return (
    <form
      class="card"
      onSubmit={submits(() => {
        step.value = "summary";
      })}
      data-testid="setup-network"
    >
      <TextField
        label={words.hostname}
        value={String(document["hostname"] ?? "")}
        placeholder={status.value?.hostname ?? ""}
        onInput={(value) => {
          const { hostname: _before, ...rest } = document;
          edit(value === "" ? rest : { ...rest, hostname: value });
        }}
      />
      <fieldset>
        <legend>{words.mode}</legend>
        {MODES.map((name) => (
          <label key={name} class="choice">
            <input type="radio" name="mode" value={name} checked={mode === name} onChange={() => choose(name)} />
            <span>
              <strong>{strings.modes[name]}</strong>
              <span class="block">{words.modes[name]}</span>
              <span class="block small muted" data-testid={`addresses-${name}`}>
                {addresses(name, mode === "proxy" ? part : "")}
              </span>
            </span>
          </label>
        ))}
      </fieldset>
      {mode === "proxy" && (
        <TextField
          label={words.part}
          hint={words.partHint}
          value={part}
          testid="setup-part"
          onInput={(value) => edit(withMode(document, "proxy", value))}
        />
      )}
      <ProblemNotice problem={refused.value} />
      <div class="buttons">
        <button type="submit" class="main" disabled={draft.value !== undefined && plan.value === undefined}>
          {words.next}
        </button>
      </div>
    </form>
  );
}

function Summary() {
  const action = useAction();
  const known = served.value;
  const decisions = decided.value;
  const first = useSignal(decisions);
  useEffect(() => {
    if (decisions === first.value) return;
    if (transaction.value?.state === "confirmed") step.value = "done";
    else first.value = decisions;
  }, [decisions]);
  const document = draft.value;
  const start = (seconds: number) =>
    action.run(async () => {
      try {
        if (document !== undefined && known !== undefined) await apply(document, known.etag, seconds);
      } catch (error) {
        if (!isCode(error, "config-unchanged")) throw error;
        step.value = "done";
      }
    });
  const unchanged = document === undefined || plan.value?.changes.length === 0;
  return (
    <section class="card" data-testid="setup-summary">
      <h2>{words.steps[2]}</h2>
      <ProblemNotice problem={action.problem} />
      <p>
        <strong>{strings.modes[modeOf(document ?? known?.document ?? {})]}</strong>:{" "}
        {addresses(modeOf(document ?? {}), partOf(document ?? {}))}
      </p>
      {unchanged ? <p>{words.same}</p> : plan.value && <Plan plan={plan.value} />}
      {unchanged ? (
        <button
          type="button"
          class="main"
          onClick={() => {
            dropDraft();
            step.value = "done";
          }}
        >
          {words.finish}
        </button>
      ) : (
        <Apply label={strings.plan.apply} disabled={action.busy || plan.value === undefined} onApply={start} />
      )}
      <button
        type="button"
        disabled={isPending(transaction.value)}
        onClick={() => {
          step.value = "network";
        }}
      >
        {words.back}
      </button>
    </section>
  );
}

function Done() {
  useEffect(dropDraft, []);
  const station = status.value?.segments.flatMap(({ stations }) => stations).find(({ state }) => state === "up");
  return (
    <section class="card" data-testid="setup-done">
      <h2>{words.doneTitle}</h2>
      <div aria-live="polite">
        {station === undefined ? (
          <p>
            {words.waiting} <code class="mono">{words.command}</code>
          </p>
        ) : (
          <p class="arrived">{words.arrived(station.name || station.address)}</p>
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

function modeOf(document: JsonObject): Mode {
  const mode = document["mode"];
  return MODES.find((name) => name === mode) ?? "routed";
}

function segmentsOf(document: JsonObject): readonly JsonObject[] {
  const { segments } = document;
  return Array.isArray(segments) ? segments.map(asObject) : [{ name: "seg0" }];
}

function partOf(document: JsonObject): string {
  return String(asObject(segmentsOf(document)[0]?.["ipv4"])["address"] ?? "auto");
}

/** Mode proxy needs a part of the LAN's subnet for the first segment; in the others the gateway chooses by itself. */
function withMode(document: JsonObject, mode: Mode, part: string): JsonObject {
  const { segments: _segments, ...rest } = document;
  const before = partOf(document);
  if (mode !== "proxy" && !inLan(before)) return document;
  const [first, ...others] = segmentsOf(document);
  if (first === undefined) return document;
  if (mode === "proxy") return { ...rest, segments: [{ ...first, ipv4: { address: part } }, ...others] };
  const { ipv4: _ipv4, ...plain } = first;
  const alone = others.length === 0 && served.value?.document["segments"] === undefined;
  return alone ? rest : { ...rest, segments: [plain, ...others] };
}

function lanAddress(): string | undefined {
  return status.value?.lan.addresses.find((address) => address.includes("."));
}

function inLan(part: string): boolean {
  return (
    part === suggestedPart() || (part !== "auto" && part.split(".", 3).join() === lanAddress()?.split(".", 3).join())
  );
}

/** "10.143.0.1/24" -> "10.143.0.0/24" */
function subnetOf(cidr: string): string {
  const [address = "", prefix = "32"] = cidr.split("/");
  const value = numberOf(address);
  return `${addressOf(value - (value % 2 ** (32 - Number(prefix))))}/${prefix}`;
}

function numberOf(address: string): number {
  return address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
}

function addressOf(value: number): string {
  return [24, 16, 8, 0].map((bits) => Math.floor(value / 2 ** bits) % 256).join(".");
}

/** The last sixteen addresses of the LAN's subnet below its broadcast address. */
function suggestedPart(): string {
  const [address = "", prefix = "24"] = (lanAddress() ?? "").split("/");
  if (address === "" || Number(prefix) < 16 || Number(prefix) > 27) return "auto";
  const value = numberOf(address);
  const size = 2 ** (32 - Number(prefix));
  return `${addressOf(value - (value % size) + size - 16 + 1)}/28`;
}

/** What addresses stations would have, from what the network is like now. */
function addresses(mode: Mode, part: string): string {
  const lan = lanAddress();
  const live = status.value?.segments[0]?.ips.find((address) => address.includes("."));
  const segment = live === undefined ? words.unknownSegment : subnetOf(live);
  const own = lan?.split("/")[0] ?? words.unknownLan;
  switch (mode) {
    case "routed":
    case "nat":
      return words.addresses[mode](segment, own);
    case "proxy":
      return words.addresses.proxy(part || suggestedPart(), lan === undefined ? words.unknownLan : subnetOf(lan));
    case "bridge":
      return words.addresses.bridge(lan === undefined ? words.unknownLan : subnetOf(lan));
  }
}
