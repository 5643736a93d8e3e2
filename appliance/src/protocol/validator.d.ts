// SPDX-License-Identifier: Apache-2.0
/** What scripts/generate.ts compiles from requestSchema.ts; see package.json, "imports". */
declare module "#request-validator" {
  /** Whether a message is a request; `errors` has the first thing that was wrong. */
  export const validateRequest: {
    (message: unknown): boolean;
    errors?: { instancePath: string; message?: string }[] | null;
  };
}
