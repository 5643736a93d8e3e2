// SPDX-License-Identifier: Apache-2.0
/** The page Certificate: what the page's own certificate says, and replacing it. */
import { useSignal } from "@preact/signals";
import type { CertificateInfo } from "@scsigate/appliance/api/certificate";
import { useEffect } from "preact/hooks";
import { call } from "../../core/api.ts";
import * as format from "../../core/format.ts";
import { may } from "../../core/session.ts";
import { strings } from "../../strings.ts";
import { submits, useAction } from "../action.ts";
import { Ask } from "../ask.tsx";
import { TextField } from "../fields.tsx";
import { Fact, Facts, PageTitle, Pill, type Tone } from "../parts.tsx";
import { ProblemNotice } from "../problem.tsx";

const words = strings.certificate;
const PATH = "/api/v1/system/certificate";
/** From here on it is time for a new one, days. */
const SOON = 30;

export function CertificatePage() {
  const info = useSignal<CertificateInfo | undefined>(undefined);
  const replaced = useSignal(false);
  const certificate = useSignal("");
  const key = useSignal("");
  const action = useAction();
  const take = (work: () => Promise<{ value: CertificateInfo }>, done: boolean) =>
    action.run(async () => {
      replaced.value = false;
      info.value = (await work()).value;
      replaced.value = done;
      if (done) certificate.value = key.value = "";
    });
  useEffect(() => void take(() => call("GET", PATH), false), []);
  const submit = submits(
    () => void take(() => call("PUT", PATH, { certificate: certificate.value, key: key.value }), true),
  );
  return (
    <>
      <PageTitle>{words.title}</PageTitle>
      <ProblemNotice problem={action.problem} />
      <output aria-live="polite">
        {replaced.value && (
          <p class="notice good">
            {words.replaced}
            <button type="button" onClick={() => location.reload()}>
              {strings.reload}
            </button>
          </p>
        )}
      </output>
      {info.value && <Present info={info.value} />}
      {may("admin") ? (
        <>
          <form class="card" onSubmit={submit} data-testid="certificate-form">
            <h2>{words.replace}</h2>
            <p class="muted">{words.replaceWhat}</p>
            <TextField
              label={words.certificate}
              hint={words.certificateHint}
              multiline
              required
              value={certificate.value}
              onInput={(value) => {
                certificate.value = value;
              }}
            />
            <TextField
              label={words.key}
              hint={words.keyHint}
              multiline
              required
              value={key.value}
              onInput={(value) => {
                key.value = value;
              }}
            />
            <div>
              <button type="submit" class="main" aria-disabled={action.busy}>
                {words.use}
              </button>
            </div>
          </form>
          <section class="card" aria-labelledby="regenerate-title">
            <h2 id="regenerate-title">{words.regenerate}</h2>
            <p class="muted">{words.regenerateWhat}</p>
            <div>
              <Ask
                label={words.regenerateDo}
                what={words.regenerateSure}
                disabled={action.busy}
                onYes={() => void take(() => call("POST", `${PATH}/regenerate`), true)}
              />
            </div>
          </section>
        </>
      ) : (
        <p>{strings.needs("admin")}</p>
      )}
    </>
  );
}

function Present({ info }: { info: CertificateInfo }) {
  const { subject, issuer, names, notBefore, notAfter, daysLeft, fingerprint, selfSigned } = info;
  const tone: Tone = daysLeft < 0 ? "bad" : daysLeft < SOON ? "warn" : "good";
  return (
    <section class="card" aria-labelledby="present-title" data-testid="certificate">
      <header>
        <h2 id="present-title">{words.present}</h2>
        <Pill tone={tone}>{daysLeft < 0 ? words.over : words.daysLeft(format.count(daysLeft))}</Pill>
      </header>
      <Facts stacked>
        <Fact name={words.subject}>{subject}</Fact>
        <Fact name={words.issuer}>{selfSigned ? words.selfSigned : issuer}</Fact>
        <Fact name={words.names}>{names.join(", ")}</Fact>
        <Fact name={words.valid}>{words.fromTo(format.moment(notBefore), format.moment(notAfter))}</Fact>
        <Fact name={words.fingerprint}>
          <span class="mono">{fingerprint}</span>
        </Fact>
      </Facts>
      {selfSigned && <p class="small muted">{words.selfSignedHint}</p>}
      <p>
        <a class="button" href={`${PATH}/pem`} download>
          {words.download}
        </a>
      </p>
    </section>
  );
}
