// SPDX-License-Identifier: Apache-2.0
/** A station's settings: name, reserved address, access. They hold at once. */
import { useSignal } from "@preact/signals";
import type { StationChange, StationView } from "@scsigate/appliance/api/stations";
import { changeStation } from "../../core/stations.ts";
import { strings } from "../../strings.ts";
import { submits, useAction } from "../action.ts";
import { Ask } from "../ask.tsx";
import { CheckField, TextField } from "../fields.tsx";
import { ProblemNotice } from "../problem.tsx";

const words = strings.station;

export function Settings({ view, onChange }: { view: StationView; onChange: (next: StationView) => void }) {
  const action = useAction();
  /** What was typed. Only that is sent; a field that is left alone shows what holds, whoever changes it. */
  const name = useSignal<string | undefined>(undefined);
  const reserved = useSignal<string | undefined>(undefined);
  const saved = useSignal(false);
  const change = async (what: StationChange) => {
    saved.value = false;
    saved.value = await action.run(async () => onChange(await changeStation(view, what)));
    return saved.value;
  };
  const save = async () => {
    const [newName, newIp] = [name.value, reserved.value];
    const worked = await change({
      ...(newName === undefined ? {} : { name: newName.trim() || null }),
      ...(newIp === undefined ? {} : { reservedIp: newIp.trim() || null }),
    });
    if (!worked) return;
    if (name.value === newName) name.value = undefined;
    if (reserved.value === newIp) reserved.value = undefined;
  };
  const blocked = view.access === "block";
  const shown = view.name || view.address;
  const type = (field: { value: string | undefined }) => (value: string) => {
    field.value = value;
    saved.value = false;
  };
  return (
    <section class="card" aria-labelledby="settings-title" data-testid="station-settings">
      <h2 id="settings-title">{words.settings}</h2>
      <form class="inner" onSubmit={submits(() => void save())}>
        <TextField
          label={words.name}
          hint={words.nameHint}
          value={name.value ?? view.configuredName ?? ""}
          onInput={type(name)}
        />
        <TextField
          label={words.reserve}
          hint={words.reserveHint}
          value={reserved.value ?? view.reservedIp ?? ""}
          onInput={type(reserved)}
        />
        <div class="buttons">
          <button type="submit" class="main" aria-disabled={action.busy}>
            {words.save}
          </button>
          <output>{saved.value ? words.saved : ""}</output>
        </div>
      </form>
      {view.provenInitiator !== null && (
        <CheckField
          label={words.byInitiator(view.provenInitiator)}
          hint={words.byInitiatorHint}
          checked={view.initiator !== null}
          onInput={(on) => void change({ initiator: on ? view.provenInitiator : null })}
        />
      )}
      <h3>{words.access}</h3>
      <p>{blocked ? words.isBlocked : words.allowed}</p>
      <Ask
        label={blocked ? words.allow : words.block}
        what={blocked ? words.allowWhat(shown) : words.blockWhat(shown)}
        disabled={action.busy}
        onYes={() => void change({ access: blocked ? "allow" : "block" })}
      />
      <ProblemNotice problem={action.problem} />
    </section>
  );
}
