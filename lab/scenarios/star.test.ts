// SPDX-License-Identifier: Apache-2.0
import { star } from "../src/arrangements/all.ts";
import { arrangementScenario } from "../src/arrangements/scenario.ts";

arrangementScenario(star);
