// SPDX-License-Identifier: Apache-2.0
import { join } from "node:path";
import { startBundle } from "../shared/startBundle.ts";

startBundle(join(__dirname, "service.main.js"));
