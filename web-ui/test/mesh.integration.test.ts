// SPDX-License-Identifier: Apache-2.0
/** Gateways of a mesh on the map and on the page Network, as they come, stay away and clash; and motion that can be off. */
import { startGateway, type TestGateway } from "@scsigate/appliance/testing";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { strings } from "../src/strings.ts";
import { hasBrowser } from "./support/browser.ts";
import { makeAdministrator, startDemo } from "./support/demo.ts";
import { inspect, logIn, openPage, PASSWORD, type Visit, WEB } from "./support/session.ts";
import { becomes, eventually, shows } from "./support/wait.ts";

interface Context extends Visit {
  gateway: TestGateway;
  url: string;
  answers: { neighbours: string; routes: string; refused: string };
}

const mesh = suite<Context>("mesh in a browser");
const check = hasBrowser ? mesh : mesh.skip;

/** As birdcl prints them. */
const neighbour = (address: string, name: string): string => `${address} ${name} 96 2 8 1.490 Yes\n`;
const route = (destination: string): string =>
  `${destination} unicast [mesh 01:58:37.422 from fe80::1] * (130/96) [00:00:00:00:0a:8f:02:01]\n` +
  "\tvia 192.168.77.3 on eth0\n";

const OURS = "3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08=";
const THEIRS = "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=";

mesh.before(async (context) => {
  if (!hasBrowser) return;
  context.answers = {
    neighbours: neighbour("fe80::5054:ff:fe5c:5110", "eth0"),
    routes: route("10.143.2.0/24"),
    refused: "",
  };
  context.gateway = await startGateway({
    config: {
      version: 1,
      mode: "mesh",
      mesh: { key: "0123456789abcdef", peers: ["10.9.0.1"] },
      encryption: { peers: [{ address: "10.9.0.1", publicKey: THEIRS }] },
    },
    web: WEB,
    mesh: () => context.answers,
    wireguard: () => ({ publicKey: OURS, handshakes: `${THEIRS}\t1700000000\n` }),
  });
  await makeAdministrator(context.gateway, "root");
  Object.assign(context, await openPage());
  context.url = `https://127.0.0.1:${context.gateway.service.ports.https}/`;
  await context.page.goto(context.url);
  await logIn(context.page, "root", PASSWORD);
});

mesh.after(async (context) => {
  await context.browser?.close();
  await context.gateway?.stop();
});

check("the map has the gateways that are heard, and those that should be", async ({ page, answers }) => {
  const map = async (...parts: string[]): Promise<boolean> => {
    const shown = (await page.getByTestId("map").textContent()) ?? "";
    return parts.every((part) => shown.includes(part));
  };
  await eventually("both", () => map(strings.map.silentGateway, strings.map.neighbour, "10.9.0.1"));
  await inspect(page, "mesh-map");
  answers.neighbours += neighbour("fe80::2", "mesh0a090001");
  await eventually("the tunnel", async () => !(await map(strings.map.silentGateway)));
  assert.ok(await map("10.9.0.1"));
});

check("the page Network has neighbours, routes, and what clashes", async ({ page, url, answers, complaints }) => {
  await page.goto(`${url}#/settings/segments`);
  assert.is(await page.getByTestId("field/mesh/key").getAttribute("type"), "password");
  assert.is(await page.getByTestId("field/encryption/peers/0/publicKey").inputValue(), THEIRS);
  await page.goto(`${url}#/network`);
  await shows(page, "mesh", "10.143.2.0/24", "fe80::5054:ff:fe5c:5110", "10.9.0.1", "192.168.77.3");
  await shows(page, "encryption", OURS, "10.9.0.1", "2023");
  answers.refused = route("10.143.0.0/24");
  const clash = strings.network.clash("10.143.0.0/24", "192.168.77.3");
  await shows(page, "mesh", clash);
  await inspect(page, "mesh-network");
  assert.equal(complaints, []);
});

check("traffic moves on the map, but not for those who want no motion", async ({ browser }) => {
  const demo = await startDemo(WEB);
  const page = await browser.context.newPage();
  try {
    await page.goto(demo.url);
    await logIn(page, "operator", PASSWORD);
    await page.locator(".wire-motion").first().waitFor({ state: "attached" });
    const shown = (): Promise<string> =>
      page.evaluate(
        `(() => {
          const wire = document.querySelector(".wire-motion");
          if (wire === null) return "no traffic in this second";
          const { animationName, visibility } = getComputedStyle(wire);
          return animationName + " " + visibility;
        })()`,
      ) as Promise<string>;
    await page.emulateMedia({ reducedMotion: "no-preference" });
    await becomes("motion", shown, "travel visible");
    await page.emulateMedia({ reducedMotion: "reduce" });
    await becomes("motion", shown, "none hidden");
    const running = "document.getAnimations().filter((one) => one.playState === 'running').length";
    await becomes("what else moves", () => page.evaluate(running), 0);
  } finally {
    await page.close();
    await demo.stop();
  }
});

mesh.run();
