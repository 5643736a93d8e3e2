// SPDX-License-Identifier: Apache-2.0
/** The page Maintenance: software, a bundle for support, restarts. */
import { useSignal } from "@preact/signals";
import { call } from "../../core/api.ts";
import * as format from "../../core/format.ts";
import { href } from "../../core/router.ts";
import { may } from "../../core/session.ts";
import { status } from "../../core/store.ts";
import { strings } from "../../strings.ts";
import { useAction } from "../action.ts";
import { Ask } from "../ask.tsx";
import { Fact, Facts, PageTitle } from "../parts.tsx";
import { ProblemNotice } from "../problem.tsx";

const words = strings.maintenance;

export function MaintenancePage() {
  const current = status.value;
  return (
    <>
      <PageTitle>{words.title}</PageTitle>
      <section class="card" aria-labelledby="software-title" data-testid="software">
        <h2 id="software-title">{words.software}</h2>
        {current && (
          <Facts>
            <Fact name={strings.system.version}>
              <span class="mono">{current.version}</span>
            </Fact>
            <Fact name={strings.system.uptime}>{format.duration(current.uptimeSeconds)}</Fact>
            {current.readyAfterSeconds !== null && (
              <Fact name={strings.system.readyAfter}>
                {strings.system.seconds(current.readyAfterSeconds.toFixed(1))}
              </Fact>
            )}
            <Fact name={words.supervisorUp}>{format.duration(current.serviceUptimeSeconds)}</Fact>
            {current.dataFreeBytes !== null && <Fact name={words.dataFree}>{format.bytes(current.dataFreeBytes)}</Fact>}
            {current.temperatures.map(({ sensor, celsius }) => (
              <Fact key={sensor} name={sensor}>
                {words.celsius(celsius.toFixed(1))}
              </Fact>
            ))}
          </Facts>
        )}
        <p>
          <a href={href("system/update")}>{words.update}</a>
        </p>
      </section>
      {may("admin") ? (
        <>
          <section class="card" aria-labelledby="support-title">
            <h2 id="support-title">{words.support}</h2>
            <p class="muted">{words.supportWhat}</p>
            <p>
              <a class="button" href="/api/v1/system/support" download>
                {words.supportLink}
              </a>
            </p>
          </section>
          <Restarts />
        </>
      ) : (
        <p>{strings.needs("admin")}</p>
      )}
    </>
  );
}

function Restarts() {
  const action = useAction();
  const done = useSignal("");
  const start = (path: string, said: string) =>
    void action.run(async () => {
      done.value = "";
      await call("POST", path);
      done.value = said;
    });
  return (
    <section class="card" aria-labelledby="restarts-title" data-testid="restarts">
      <h2 id="restarts-title">{words.restarts}</h2>
      <p class="muted">{words.restartWhat}</p>
      <div>
        <Ask
          label={words.restart}
          what={words.restartSure}
          disabled={action.busy}
          onYes={() => start("/api/v1/system/restart", words.restarting)}
        />
      </div>
      <p class="muted">{words.rebootWhat}</p>
      <div>
        <Ask
          label={words.reboot}
          what={words.rebootSure}
          disabled={action.busy}
          onYes={() => start("/api/v1/system/reboot", words.rebooting)}
        />
      </div>
      {/* Below the buttons: they must not move away under the pointer. */}
      <ProblemNotice problem={action.problem} />
      <output aria-live="polite">{done.value !== "" && <p class="notice good">{done.value}</p>}</output>
    </section>
  );
}
