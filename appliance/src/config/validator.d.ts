// SPDX-License-Identifier: Apache-2.0
/** What scripts/generate.ts compiles from the schemas; see package.json, "imports". */
declare module "#config-validator" {
  export interface SchemaError {
    /** JSON Pointer to the value. */
    instancePath: string;
    keyword: string;
    message?: string;
    params: Record<string, unknown>;
    /** The schema that the failing keyword stands in. */
    parentSchema?: Record<string, unknown>;
    data?: unknown;
  }
  /** Checks, fills in defaults in place, and leaves what was wrong in `errors`. */
  export const validateConfig: {
    (document: unknown): boolean;
    errors?: SchemaError[] | null;
  };
}

declare module "#prepare-validator" {
  export const validatePrepared: {
    (document: unknown): boolean;
    errors?: import("#config-validator").SchemaError[] | null;
  };
}
