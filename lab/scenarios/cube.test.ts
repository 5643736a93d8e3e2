// SPDX-License-Identifier: Apache-2.0
import { cube } from "../src/arrangements/all.ts";
import { arrangementScenario } from "../src/arrangements/scenario.ts";

arrangementScenario(cube);
