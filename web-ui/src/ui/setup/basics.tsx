// SPDX-License-Identifier: Apache-2.0
/** The setup's step for name and time zone. */
import { asObject, getAt, type JsonObject } from "@scsigate/appliance/json";
import { edit } from "../../core/configuration.ts";
import { status } from "../../core/store.ts";
import { strings } from "../../strings.ts";
import { SelectField, TextField } from "../fields.tsx";
import { errorAt, StepForm } from "./stepForm.tsx";

const words = strings.setup;

export function Basics({ document, schema }: { document: JsonObject; schema: JsonObject }) {
  const time = asObject(document["time"]);
  const zone = String(time["zone"] ?? "");
  return (
    <StepForm>
      <TextField
        label={words.hostname}
        hint={words.hostnameHint}
        value={String(document["hostname"] ?? "")}
        placeholder={status.value?.hostname ?? ""}
        error={errorAt("/hostname")}
        testid="setup-hostname"
        onInput={(value) => {
          const { hostname: _before, ...rest } = document;
          edit(value === "" ? rest : { ...rest, hostname: value });
        }}
      />
      {getAt(schema, ["properties", "time"]) !== undefined && (
        <SelectField
          label={words.zone}
          hint={words.zoneHint}
          error={errorAt("/time/zone")}
          value={zone}
          options={[["", words.zoneUnset] as const, ...zones()]}
          testid="setup-zone"
          onInput={(value) => {
            const { zone: _zone, ...rest } = time;
            edit({ ...document, time: value === "" ? rest : { ...rest, zone: value } });
          }}
        />
      )}
    </StepForm>
  );
}

/** The browser's own first: it is nearly always the right one. */
function zones(): (readonly [string, string])[] {
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const others = Intl.supportedValuesOf("timeZone").filter((name) => name !== own);
  return [[own, words.zoneOwn(own)], ...others.map((name) => [name, name] as const)];
}
