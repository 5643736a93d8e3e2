// SPDX-License-Identifier: Apache-2.0
/** The API's route that says where the chain from adapter to LAN is broken. */
import type { Diagnosis } from "../diagnosis/diagnosis.ts";
import { json, type Route } from "./router.ts";

export function diagnosisRoutes(diagnosis: Diagnosis): Route[] {
  return [
    {
      method: "GET",
      path: "/api/v1/diagnosis",
      access: "read",
      summary: "The chain from adapter to LAN: what was measured at each link, and what to do about a broken one",
      answers: { 200: "Diagnosis" },
      handler: async () => json(await diagnosis.run()),
    },
  ];
}
