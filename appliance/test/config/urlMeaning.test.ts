// SPDX-License-Identifier: Apache-2.0
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { configSchema } from "../../src/config/schema.ts";
import { validate } from "../../src/config/validate.ts";
import { getAt } from "../../src/shared/json.ts";

/** Settings that are addresses of servers, and a document that has one there. */
const SERVERS: Record<string, (url: string) => object> = {
  "mqtt.url": (url) => ({ mqtt: { url } }),
  "update.fleet.server": (server) => ({ update: { fleet: { server } } }),
};

function complaints(document: object): string[] {
  const result = validate({ version: 1, ...document });
  return result.valid ? [] : result.errors.map(({ message }) => message);
}

for (const [setting, document] of Object.entries(SERVERS)) {
  const keys = setting.split(".").flatMap((key) => ["properties", key]);
  const pattern = new RegExp(String(getAt(configSchema, [...keys, "pattern"])));
  const scheme = setting === "mqtt.url" ? "mqtts" : "https";

  test(`${setting}: what is valid, a client can parse, and connect to its port`, () => {
    fc.assert(
      fc.property(fc.stringMatching(pattern), (url) => {
        if (complaints(document(url)).length > 0) return;
        assert.ok(URL.canParse(url), url);
        const { port } = new URL(url);
        assert.ok(port === "" || (Number(port) >= 1 && Number(port) <= 65535), url);
      }),
    );
  });

  test(`${setting}: what is wrong is said`, () => {
    for (const port of [0, 65536, 99999]) {
      assert.equal(complaints(document(`${scheme}://192.168.77.9:${port}`)), [`there is no port ${port}`]);
    }
    for (const host of ["[::::]", "[1.2.3.4]"]) {
      assert.equal(complaints(document(`${scheme}://${host}:883`)), [`${host} is neither an address nor a name`]);
    }
    for (const host of ["broker", "[fd00::5]", "192.168.1.5"]) {
      for (const port of ["", ":1", ":65535"]) assert.equal(complaints(document(`${scheme}://${host}${port}`)), []);
    }
  });
}

test.run();
