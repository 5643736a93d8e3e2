// SPDX-License-Identifier: Apache-2.0
/** A test gateway in a process of its own, for tests that kill it. Argument: the configuration as JSON. */
import { startGateway } from "./gateway.ts";

await startGateway({ config: JSON.parse(process.argv[2] ?? "{}") });
