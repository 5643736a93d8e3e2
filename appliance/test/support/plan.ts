// SPDX-License-Identifier: Apache-2.0
/** Plans as the executor takes them. */
import * as assert from "uvu/assert";
import { validateRequest } from "#request-validator";
import { validate } from "../../src/config/validate.ts";
import { buildPlan } from "../../src/plan/buildPlan.ts";
import type { Observed } from "../../src/plan/observed.ts";
import type { Operation, OperationKind } from "../../src/protocol/operations.ts";
import type { Identity } from "../../src/shared/identity.ts";

/** The plan for a document that is valid; `of`: its operations of one kind. */
export function planOf(document: object, observed: Observed, identity: Identity) {
  const result = validate({ version: 1, ...document });
  if (!result.valid) throw new Error(JSON.stringify(result.errors));
  const planned = buildPlan(result.config, observed, identity, {});
  assert.ok(validateRequest({ type: "apply", id: 0, plan: planned.plan }), JSON.stringify(validateRequest.errors));
  const of = <K extends OperationKind>(kind: K) =>
    planned.plan.groups
      .flatMap((group) => group.operations)
      .filter((one): one is Extract<Operation, { kind: K }> => one.kind === kind);
  return { ...planned, of };
}
