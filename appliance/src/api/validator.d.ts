// SPDX-License-Identifier: Apache-2.0
/** What scripts/generate.ts compiles from schemas.ts; see package.json, "imports". */
declare module "#api-validator" {
  export interface ApiSchemaError {
    instancePath: string;
    message?: string;
    params: Record<string, unknown>;
  }
  export const validators: Record<
    import("./schemas.ts").BodyName,
    { (value: unknown): boolean; errors?: ApiSchemaError[] | null }
  >;
}
