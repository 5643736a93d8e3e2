// SPDX-License-Identifier: Apache-2.0
/** The setup's step for the first segment: what exports it to hosts, and whether they get addresses. */
import { asObject, getAt, type JsonObject } from "@scsigate/appliance/json";
import { edit } from "../../core/configuration.ts";
import { strings } from "../../strings.ts";
import { contextOf, Field, resolved } from "../form.tsx";
import { modeOf, segmentsOf } from "./addresses.ts";
import { StepForm } from "./stepForm.tsx";

export function ChooseSegment({ document, schema }: { document: JsonObject; schema: JsonObject }) {
  const [first = {}, ...others] = segmentsOf(document);
  const properties = asObject(
    resolved(getAt(resolved(getAt(schema, ["properties", "segments"]), schema), ["items"]), schema)["properties"],
  );
  const context = contextOf(schema);
  const field = (key: string, label: string) => (
    <Field
      context={context}
      schema={resolved(properties[key], schema)}
      path={["segments", "0", key]}
      label={label}
      required={false}
      value={first[key]}
      onChange={(value) => {
        const { [key]: _before, ...rest } = first;
        edit({ ...document, segments: [value === undefined ? rest : { ...rest, [key]: value }, ...others] });
      }}
    />
  );
  return (
    <StepForm>
      <p class="muted">{strings.setup.segmentWhat(String(first["name"] ?? ""))}</p>
      {field("fabric", strings.setup.fabric)}
      {modeOf(document) !== "bridge" && field("dhcp", strings.settings["dhcp"] ?? "")}
    </StepForm>
  );
}
