// SPDX-License-Identifier: Apache-2.0
import { test } from "uvu";
import * as assert from "uvu/assert";
import { splitSecrets } from "../../src/config/secrets.ts";
import { validate } from "../../src/config/validate.ts";

/** What is wrong with this update.fleet. */
function complaints(fleet: Record<string, unknown>): string[] {
  const result = validate({ version: 1, update: { fleet } });
  return result.valid ? [] : result.errors.map((error) => `${error.path}: ${error.message}`);
}

const SERVER = "https://hawkbit.example.org";

test("off unless it is switched on", () => {
  const result = validate({ version: 1 });
  assert.ok(result.valid && result.config.update.fleet.enabled === false);
  assert.equal(complaints({ server: SERVER }), []);
});

test("a server and one token", () => {
  assert.equal(complaints({ enabled: true, server: SERVER, targetToken: "t" }), []);
  assert.equal(complaints({ enabled: true, server: "http://[fd00::1]:8080/", gatewayToken: "g" }), []);
  assert.equal(complaints({ enabled: true }), [
    "/update/fleet/server: nobody says which server is asked",
    "/update/fleet/targetToken: the server needs a token",
  ]);
  assert.equal(complaints({ enabled: true, server: SERVER, targetToken: "t", gatewayToken: "g" }), [
    "/update/fleet/gatewayToken: there are two tokens",
  ]);
});

test("what would be another line of the program's configuration, or another address, is none", () => {
  for (const server of ["hawkbit.example.org", "ftp://a", "https://a/b", "https://a\nssl = false", "https://u:p@a"]) {
    assert.match(complaints({ server }).join(), "/update/fleet/server", server);
  }
  assert.equal(complaints({ server: "https://a:70000" }), ["/update/fleet/server: there is no port 70000"]);
  assert.match(complaints({ controllerId: "../other" }).join(), "/update/fleet/controllerId");
  assert.match(complaints({ tenant: "a/b" }).join(), "/update/fleet/tenant");
  const said = complaints({ targetToken: "a b" }).join();
  assert.match(said, "/update/fleet/targetToken");
  assert.not.match(said, "a b");
});

test("tokens are kept apart from what is shown, exported and kept as history", () => {
  const whole = {
    version: 1,
    update: { fleet: { enabled: true, server: SERVER, targetToken: "t", gatewayToken: "g" } },
  };
  assert.equal(splitSecrets(whole, {}), {
    document: { version: 1, update: { fleet: { enabled: true, server: SERVER } } },
    secrets: { "/update/fleet/targetToken": "t", "/update/fleet/gatewayToken": "g" },
  });
});

test.run();
