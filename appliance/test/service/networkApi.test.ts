// SPDX-License-Identifier: Apache-2.0
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { GatewayState } from "../../src/service/gatewayState.ts";
import { networkRoutes } from "../../src/service/http/networkApi.ts";
import type { ApiRequest } from "../../src/service/http/router.ts";
import type { Monitor } from "../../src/service/monitor.ts";

test("the firewall is asked once for all who ask at a time, and anew for those after", async () => {
  const answers: ((text: string) => void)[] = [];
  const executor = { readFirewall: () => new Promise<string>((resolve) => answers.push(resolve)) };
  const environment = { executor, run: async () => "", paths: { sys: "", leases: "" } };
  const routes = networkRoutes(environment, {} as GatewayState, {} as Monitor);
  const ask = async () => {
    const answer = await routes.find(({ path }) => path === "/api/v1/firewall")?.handler({} as ApiRequest);
    return JSON.parse(String(answer?.body)) as unknown;
  };
  const both = Promise.all([ask(), ask()]);
  assert.is(answers.length, 1);
  answers[0]?.('counter packets 1 bytes 60 accept comment "web"');
  const hits = [{ name: "web", packets: 1, bytes: 60 }];
  assert.equal(await both, [hits, hits]);
  const third = ask();
  assert.is(answers.length, 2);
  answers[1]?.("");
  assert.equal(await third, []);
});

test.run();
