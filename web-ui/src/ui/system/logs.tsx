// SPDX-License-Identifier: Apache-2.0
/** The page Log: events and requests, by level, with search, followed live. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import * as format from "../../core/format.ts";
import { isRequest, type LogLine, readLog } from "../../core/logs.ts";
import { may } from "../../core/session.ts";
import { strings } from "../../strings.ts";
import { useAction } from "../action.ts";
import { CheckField, SelectField, TextField } from "../fields.tsx";
import { PageTitle, Pill, type Tone } from "../parts.tsx";
import { ProblemNotice } from "../problem.tsx";

const FOLLOW_MS = 2000;
const LEVELS = ["debug", "info", "warn", "error"];
const TONES: Record<string, Tone> = { warn: "warn", error: "bad", fatal: "bad" };
/** Shown as columns of their own, or of no use to a reader. */
const OWN_COLUMNS = ["level", "time", "msg", "process", "cursor"];
const KINDS = ["events", "requests", "all"] as const;
type Kind = (typeof KINDS)[number];

export function LogsPage() {
  const lines = useSignal<readonly LogLine[]>([]);
  const kind = useSignal<Kind>("events");
  const level = useSignal("info");
  const search = useSignal("");
  const follow = useSignal(true);
  const action = useAction();
  const allowed = may("operate");
  const following = follow.value;
  useEffect(() => {
    if (!allowed || !following) return;
    const read = () =>
      void action.poll(async () => {
        lines.value = await readLog(lines.value);
      });
    read();
    const timer = setInterval(read, FOLLOW_MS);
    return () => clearInterval(timer);
  }, [allowed, following]);
  if (!allowed) {
    return (
      <>
        <PageTitle>{strings.logs.title}</PageTitle>
        <p>{strings.needs("operate")}</p>
      </>
    );
  }
  const least = LEVELS.indexOf(level.value);
  const words = search.value.toLowerCase();
  const shown = lines.value
    .filter((line) => kind.value === "all" || isRequest(line) === (kind.value === "requests"))
    .map((line) => ({ line, text: textOf(line) }))
    .filter(({ line, text }) => rank(line) >= least && text.toLowerCase().includes(words))
    .reverse();
  return (
    <>
      <PageTitle>{strings.logs.title}</PageTitle>
      <section class="card">
        <div class="cards">
          <SelectField
            label={strings.logs.kind}
            value={kind.value}
            options={KINDS.map((name) => [name, strings.logs.kinds[name]] as const)}
            onInput={(value) => {
              kind.value = KINDS.find((name) => name === value) ?? "events";
            }}
          />
          <SelectField
            label={strings.logs.level}
            value={level.value}
            options={LEVELS.map((name) => [name, name] as const)}
            onInput={(value) => {
              level.value = value;
            }}
          />
          <TextField
            label={strings.logs.search}
            type="search"
            value={search.value}
            onInput={(value) => {
              search.value = value;
            }}
          />
          <CheckField
            label={strings.logs.follow}
            checked={following}
            onInput={(checked) => {
              follow.value = checked;
            }}
          />
        </div>
        <ProblemNotice problem={action.problem} />
        <p>
          <a class="button" href="/api/v1/logs/file" download>
            {strings.logs.download}
          </a>
        </p>
        <p class="small muted">{strings.logs.shown(shown.length, lines.value.length, format.zone())}</p>
        {shown.length === 0 && <p class="empty">{strings.logs.none}</p>}
        <ol class="log" aria-label={strings.logs.table} data-testid="log">
          {shown.map(({ line, text }) => (
            <li key={line.cursor}>
              <span class="small muted">{format.moment(String(line["time"] ?? ""))}</span>{" "}
              <Pill tone={TONES[String(line["level"])] ?? "plain"}>{String(line["level"])}</Pill>{" "}
              <span class="mono">{text}</span>
            </li>
          ))}
        </ol>
      </section>
    </>
  );
}

function rank({ level }: LogLine): number {
  const found = LEVELS.indexOf(String(level));
  return found < 0 ? LEVELS.length : found; // fatal, and what nobody knows, is always shown
}

/** The message, and what was logged with it. */
function textOf(line: LogLine): string {
  const more = Object.entries(line).filter(([key]) => !OWN_COLUMNS.includes(key));
  const value = (item: unknown) => (typeof item === "string" ? item : JSON.stringify(item));
  return [String(line["msg"] ?? ""), ...more.map(([key, item]) => `${key}=${value(item)}`)].join(" ");
}
