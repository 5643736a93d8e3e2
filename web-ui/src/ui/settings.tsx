// SPDX-License-Identifier: Apache-2.0
/** The pages of the settings: each shows some parts of the configuration. core/parts.ts says which. */
import type { JsonObject } from "@scsigate/appliance/json";
import { draft, served } from "../core/configuration.ts";
import { page } from "../core/router.ts";
import { may } from "../core/session.ts";
import { isPending, transaction } from "../core/transaction.ts";
import { strings } from "../strings.ts";
import { ConfigForm } from "./configForm.tsx";
import { PageTitle } from "./parts.tsx";
import { Modes } from "./setup/modes.tsx";

export function SettingsPage() {
  const { value } = page;
  const document: JsonObject | undefined = draft.value ?? served.value?.document;
  return (
    <>
      <PageTitle>{strings.pages[value]}</PageTitle>
      <p class="muted">{may("admin") ? strings.network.intro : strings.network.readOnly}</p>
      {value === "settings/mode" && document && served.value && (
        <section class="card">
          <Modes
            document={document}
            schema={served.value.schema}
            disabled={isPending(transaction.value) || !may("admin")}
          />
        </section>
      )}
      <ConfigForm page={value} without={["mode"]} />
    </>
  );
}
