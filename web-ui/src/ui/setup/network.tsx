// SPDX-License-Identifier: Apache-2.0
/** The setup's step for the gateway mode, with a drawing of each and addresses from the network as it is now. */
import { asObject, getAt, type JsonObject } from "@scsigate/appliance/json";
import { edit, refused, served } from "../../core/configuration.ts";
import { strings } from "../../strings.ts";
import { TextField } from "../fields.tsx";
import { Properties, resolved } from "../form.tsx";
import { addresses, MODES, type Mode, modeOf, partOf, suggestedPart, withMode } from "./addresses.ts";
import { Drawing } from "./drawing.tsx";
import { StepForm } from "./stepForm.tsx";

const words = strings.setup;

export function ChooseNetwork({ document, schema }: { document: JsonObject; schema: JsonObject }) {
  const mode = modeOf(document);
  const part = partOf(document);
  const known = getAt(schema, ["properties", "mode", "enum"]);
  const modes = MODES.filter((name) => Array.isArray(known) && known.includes(name));
  const choose = (next: Mode) => edit(withMode({ ...document, mode: next }, next, suggestedPart()));
  return (
    <StepForm>
      <fieldset>
        <legend>{words.mode}</legend>
        {modes.map((name) => (
          <label key={name} class="choice">
            <input type="radio" name="mode" value={name} checked={mode === name} onChange={() => choose(name)} />
            <Drawing mode={name} />
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
      {mode === "mesh" && (
        <Properties
          context={{
            root: schema,
            errors: refused.value?.errors ?? [],
            secrets: served.value?.secrets ?? [],
            disabled: false,
          }}
          schema={resolved(getAt(schema, ["properties", "mesh"]), schema)}
          path={["mesh"]}
          value={asObject(document["mesh"])}
          only={["key"]}
          onChange={(next) => edit({ ...document, mesh: next })}
        />
      )}
    </StepForm>
  );
}
