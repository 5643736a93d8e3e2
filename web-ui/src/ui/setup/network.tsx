// SPDX-License-Identifier: Apache-2.0
/** The setup's step for the gateway mode. */
import type { JsonObject } from "@scsigate/appliance/json";
import { Modes } from "./modes.tsx";
import { StepForm } from "./stepForm.tsx";

export function ChooseNetwork(parts: { document: JsonObject; schema: JsonObject }) {
  return (
    <StepForm>
      <Modes {...parts} />
    </StepForm>
  );
}
