// SPDX-License-Identifier: Apache-2.0
/** The setup's step for the broker, with a button that tries it. */
import { asObject, type JsonObject } from "@scsigate/appliance/json";
import { edit, served } from "../../core/configuration.ts";
import { strings } from "../../strings.ts";
import { patchBetween, TryConnection } from "../connectionTest.tsx";
import { CheckField } from "../fields.tsx";
import { contextOf, Properties, resolved } from "../form.tsx";
import { StepForm } from "./stepForm.tsx";

const SHOWN = ["url", "username", "password"];

export function ChooseTelemetry({ document, schema }: { document: JsonObject; schema: JsonObject }) {
  const mqtt = asObject(document["mqtt"]);
  const change = (next: JsonObject) => edit({ ...document, mqtt: next });
  const on = mqtt["enabled"] === true;
  const context = contextOf(schema);
  const own = resolved(asObject(schema["properties"])["mqtt"], schema);
  return (
    <StepForm>
      <CheckField
        label={strings.setup.telemetry}
        hint={strings.setup.telemetryHint}
        checked={on}
        testid="setup-mqtt"
        onInput={(checked) => change({ ...mqtt, enabled: checked })}
      />
      {on && (
        <>
          <Properties
            context={context}
            schema={own}
            path={["mqtt"]}
            value={mqtt}
            only={SHOWN}
            onChange={(next) => change(asObject(next))}
          />
          <TryConnection
            label={strings.telemetry.tryBroker}
            path="/api/v1/telemetry/test"
            settings={patchBetween(served.value?.document["mqtt"], mqtt)}
            testid="try-mqtt"
          />
        </>
      )}
    </StepForm>
  );
}
