// SPDX-License-Identifier: Apache-2.0
import { grid } from "../src/arrangements/all.ts";
import { arrangementScenario } from "../src/arrangements/scenario.ts";

arrangementScenario(grid);
