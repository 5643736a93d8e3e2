// SPDX-License-Identifier: Apache-2.0
/** The page Update: the image that runs and the other one; a bundle is sent or fetched, installed, and started. */
import { useSignal } from "@preact/signals";
import type { Problem } from "@scsigate/appliance/api";
import type {
  BundleView,
  ImageView,
  LastUpdate,
  SlotView,
  UpdateProgress,
  UpdateView,
} from "@scsigate/appliance/api/update";
import { useEffect, useRef } from "preact/hooks";
import { call, type ShownProblem } from "../../core/api.ts";
import * as format from "../../core/format.ts";
import { said, told } from "../../core/said.ts";
import { may } from "../../core/session.ts";
import { status } from "../../core/store.ts";
import { type Upload, upload } from "../../core/upload.ts";
import { strings } from "../../strings.ts";
import { type Action, submits, useAction } from "../action.ts";
import { Ask } from "../ask.tsx";
import { ConfigForm } from "../configForm.tsx";
import { CheckField, TextField } from "../fields.tsx";
import { Fact, Facts, PageTitle, Pill } from "../parts.tsx";
import { ProblemNotice } from "../problem.tsx";

const words = strings.update;
const PATH = "/api/v1/update";
/** Between two looks at what goes on, milliseconds. */
const LOOK_MS = 1000;

interface Work {
  view: UpdateView;
  action: Action;
  /** Asks for something; what the gateway answers is shown then. */
  ask: (method: "POST" | "DELETE", path: string, body?: unknown) => void;
}

export function UpdatePage() {
  const view = useSignal<UpdateView | undefined>(undefined);
  const reading = useAction();
  const action = useAction();
  const read = () =>
    void reading.poll(async () => {
      view.value = (await call<UpdateView>("GET", PATH)).value;
    });
  useEffect(() => {
    read();
    const timer = setInterval(read, LOOK_MS);
    return () => clearInterval(timer);
  }, []);
  const ask: Work["ask"] = (method, path, body) =>
    void action.run(async () => {
      const { value } = await call<UpdateView | undefined>(method, path, body);
      if (value !== undefined) view.value = value;
    });
  const current = view.value;
  return (
    <>
      <PageTitle>{words.title}</PageTitle>
      {current?.image === null &&
        (current.problem === null || current.problem.code === "update-no-image" ? (
          <section class="card" data-testid="update-none">
            <p>{words.none}</p>
          </section>
        ) : (
          <ProblemNotice problem={shown(current.problem)} />
        ))}
      {current?.image && (
        <>
          <Image image={current.image} last={current.last} />
          {may("admin") ? (
            <>
              <Install work={{ view: current, action, ask }} />
              <Back image={current.image} work={{ view: current, action, ask }} />
              <ConfigForm page="system/update" open={[]} />
            </>
          ) : (
            <p>{strings.needs("admin")}</p>
          )}
        </>
      )}
      <ProblemNotice problem={reading.problem} />
    </>
  );
}

function Image({ image, last }: { image: ImageView; last: LastUpdate | null }) {
  return (
    <section class="card" aria-labelledby="image-title" data-testid="image">
      <h2 id="image-title">{words.image}</h2>
      <Facts>
        <Fact name={words.running}>
          <Slot slot={image.running} />
        </Fact>
        <Fact name={words.other}>
          <Slot slot={image.other} />
        </Fact>
        <Fact name={words.board}>
          <span class="mono">{image.compatible}</span>
        </Fact>
        {last !== null && <Fact name={words.last}>{words.lastOf(last, format.moment(last.time))}</Fact>}
      </Facts>
      {image.waitingFor.length > 0 && (
        <div class="notice warn">
          <p>{words.waiting}</p>
          <ul>
            {image.waitingFor.map((problem) => (
              <li key={problem.message}>{told(problem)}</li>
            ))}
          </ul>
        </div>
      )}
      {last?.problem && last.result === "fell-back" && (
        <div class="notice bad" data-testid="fell-back">
          <p>
            <strong>{format.sentence(said(last.problem.message))}</strong>
          </p>
          <p>
            {strings.problem.next} {said(last.problem.nextStep)}
          </p>
        </div>
      )}
    </section>
  );
}

function Slot({ slot: { name, version, mayStart, confirmed } }: { slot: SlotView }) {
  if (version === null && !mayStart) return <span class="muted">{words.empty(name)}</span>;
  return (
    <>
      <span class="mono">{version ?? words.unknown}</span>{" "}
      <Pill tone={confirmed ? "good" : "warn"}>
        {confirmed ? words.confirmed : mayStart ? words.unconfirmed : words.notStarted}
      </Pill>
    </>
  );
}

function Install({ work }: { work: Work }) {
  const { view, action } = work;
  return (
    <section class="card" aria-labelledby="install-title" data-testid="install">
      <h2 id="install-title">{words.install}</h2>
      <Receive work={work} />
      {view.state === "ready" && view.bundle && <Ready bundle={view.bundle} work={work} />}
      {view.state === "ready-to-restart" && <Restart work={work} />}
      {/* Below the buttons: they must not move away under the pointer. */}
      <ProblemNotice problem={action.problem ?? failure(view)} />
      <output aria-live="polite">{words.states[view.state]}</output>
    </section>
  );
}

function failure({ state, problem }: UpdateView) {
  if (state !== "failed" || problem === null) return undefined;
  return shown(problem);
}

function shown({ code, message, nextStep }: Problem): ShownProblem {
  return { code, title: message, nextStep, errors: [] };
}

/** A file or an address, and how far it is. */
function Receive({ work: { view, action, ask } }: { work: Work }) {
  const url = useSignal("");
  const sent = useSignal<{ bytes: number; total: number } | undefined>(undefined);
  const running = useRef<Upload<UpdateView> | undefined>(undefined);
  useEffect(() => () => running.current?.cancel(), []);
  const send = (file: File | undefined) => {
    if (file === undefined) return;
    void action.run(async () => {
      sent.value = { bytes: 0, total: file.size };
      const path = `${PATH}/bundle?name=${encodeURIComponent(file.name)}`;
      running.current = upload<UpdateView>(path, file, (bytes) => {
        sent.value = { bytes, total: file.size };
      });
      try {
        await running.current.done;
      } finally {
        sent.value = undefined;
        running.current = undefined;
      }
    });
  };
  const busy = sent.value !== undefined || ["receiving", "checking", "installing"].includes(view.state);
  if (busy) {
    return (
      <>
        <Progress progress={sent.value === undefined ? view.progress : sending(sent.value)} />
        {view.state !== "installing" && (
          <div>
            <button type="button" onClick={() => (running.current ? running.current.cancel() : ask("DELETE", PATH))}>
              {strings.cancel}
            </button>
          </div>
        )}
      </>
    );
  }
  if (view.state === "ready" || view.state === "ready-to-restart") return null;
  return (
    <>
      <p class="muted">{words.what}</p>
      <div class="field">
        <label for="bundle-file">{words.file}</label>
        <input
          id="bundle-file"
          type="file"
          accept=".raucb"
          onClick={(event) => {
            event.currentTarget.value = ""; // else the same file again would be no change
          }}
          onChange={(event) => send(event.currentTarget.files?.[0])}
        />
      </div>
      <form class="inner" onSubmit={submits(() => ask("POST", `${PATH}/download`, { url: url.value.trim() }))}>
        <TextField
          label={words.url}
          hint={words.urlHint}
          value={url.value}
          required
          onInput={(value) => {
            url.value = value;
          }}
        />
        <div>
          <button type="submit" aria-disabled={action.busy}>
            {words.fetch}
          </button>
        </div>
      </form>
    </>
  );
}

/** Of what the browser has sent; the gateway's own word of it may come late. */
function sending({ bytes, total }: { bytes: number; total: number }): UpdateProgress {
  const percent = total === 0 ? null : Math.floor((bytes / total) * 100);
  return { bytes, totalBytes: total, percent, step: bytes < total ? words.sending : words.checking };
}

/** Not in what is read out: it is another one each second. */
function Progress({ progress }: { progress: UpdateProgress | null }) {
  if (progress === null) return null;
  const { percent, step, bytes, totalBytes } = progress;
  const amount =
    bytes === null
      ? ""
      : ` (${words.amount(format.bytes(bytes), totalBytes === null ? "" : format.bytes(totalBytes))})`;
  return (
    <div data-testid="update-progress">
      <p>
        {said(step)}
        {amount}
      </p>
      <progress aria-label={words.progress} max={100} {...(percent === null ? {} : { value: percent })} />
    </div>
  );
}

function Ready({ bundle, work: { action, ask } }: { bundle: BundleView; work: Work }) {
  const allowed = useSignal(false);
  const { version, source, description, build, downgrade } = bundle;
  const stands = downgrade !== null && !allowed.value;
  return (
    <div class="inner" data-testid="bundle">
      <Facts>
        <Fact name={words.version}>
          <span class="mono">{version}</span>
        </Fact>
        <Fact name={words.source}>{source}</Fact>
        {description !== "" && <Fact name={words.description}>{description}</Fact>}
        {build !== "" && <Fact name={words.build}>{build}</Fact>}
      </Facts>
      {downgrade !== null && (
        <>
          <p class="notice warn">
            {format.sentence(said(downgrade.message))} {words.downgradeWhat}
          </p>
          <CheckField
            label={words.downgrade}
            checked={allowed.value}
            onInput={(checked) => {
              allowed.value = checked;
            }}
          />
        </>
      )}
      <div class="buttons">
        <button
          type="button"
          aria-disabled={action.busy || stands}
          onClick={() => !stands && ask("POST", `${PATH}/install`, { allowDowngrade: allowed.value })}
        >
          {words.installDo}
        </button>
        <button type="button" onClick={() => ask("DELETE", PATH)}>
          {words.drop}
        </button>
      </div>
    </div>
  );
}

function Restart({ work: { view, action, ask } }: { work: Work }) {
  const going = view.last?.to.version ?? words.unknown;
  return (
    <div class="inner" data-testid="restart-into">
      <p class="notice good">{words.installed(going)}</p>
      <div class="buttons">
        <Ask
          label={words.restart}
          what={strings.maintenance.rebootSure}
          disabled={action.busy}
          onYes={() => ask("POST", `${PATH}/restart`)}
        />
        <button type="button" onClick={() => ask("DELETE", PATH)}>
          {words.stay}
        </button>
      </div>
    </div>
  );
}

function Back({ image, work: { view, action, ask } }: { image: ImageView; work: Work }) {
  const { other } = image;
  const told = status.value?.health.reasons.some(({ code }) => code === "update-fell-back") ?? false;
  const possible = other.confirmed && other.mayStart && ["idle", "failed"].includes(view.state);
  if (!possible && !told) return null;
  return (
    <section class="card" aria-labelledby="back-title" data-testid="back">
      <h2 id="back-title">{words.back}</h2>
      {told && (
        <>
          <p class="muted">{words.seenWhat}</p>
          <div>
            <button type="button" onClick={() => ask("DELETE", PATH)}>
              {words.seen}
            </button>
          </div>
        </>
      )}
      {possible && (
        <>
          <p class="muted">{words.backWhat}</p>
          <div>
            <Ask
              label={words.backDo(other.version ?? words.unknown)}
              what={words.backSure}
              disabled={action.busy}
              onYes={() => ask("POST", `${PATH}/back`, {})}
            />
          </div>
        </>
      )}
    </section>
  );
}
