// SPDX-License-Identifier: Apache-2.0
/** The choice of the gateway mode, with a drawing of each and addresses from the network as it is now. */
import { asObject, getAt, type JsonObject } from "@scsigate/appliance/json";
import { edit } from "../../core/configuration.ts";
import { strings } from "../../strings.ts";
import { TextField } from "../fields.tsx";
import { contextOf, Properties, resolved } from "../form.tsx";
import { addresses, MODES, type Mode, modeOf, partOf, suggestedPart, withMode } from "./addresses.ts";
import { Drawing } from "./drawing.tsx";

const words = strings.setup;

interface ModesProps {
  document: JsonObject;
  schema: JsonObject;
  disabled?: boolean;
}

export function Modes({ document, schema, disabled = false }: ModesProps) {
  const mode = modeOf(document);
  const part = partOf(document);
  const known = getAt(schema, ["properties", "mode", "enum"]);
  const modes = MODES.filter((name) => Array.isArray(known) && known.includes(name));
  const choose = (next: Mode) => edit(withMode({ ...document, mode: next }, next, suggestedPart()));
  return (
    <>
      <fieldset>
        <legend>{words.mode}</legend>
        {modes.map((name) => (
          <label key={name} class="choice">
            <input
              type="radio"
              name="mode"
              value={name}
              checked={mode === name}
              disabled={disabled}
              onChange={() => choose(name)}
            />
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
          disabled={disabled}
          testid="setup-part"
          onInput={(value) => edit(withMode(document, "proxy", value))}
        />
      )}
      {mode === "mesh" && (
        <Properties
          context={contextOf(schema, disabled)}
          schema={resolved(getAt(schema, ["properties", "mesh"]), schema)}
          path={["mesh"]}
          value={asObject(document["mesh"])}
          only={["key"]}
          onChange={(next) => edit({ ...document, mesh: next })}
        />
      )}
    </>
  );
}
