// SPDX-License-Identifier: Apache-2.0
// rauc-hawkbit-updater's configuration, and what its lines mean.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type FleetSettings, renderHawkbit } from "../../../../src/service/update/fleet/settings.ts";
import { understand } from "../../../../src/service/update/fleet/words.ts";

const SETTINGS: FleetSettings = {
  config: {
    ...{ enabled: true, server: "https://hawkbit.example.org:8443/", tenant: "DEFAULT", targetToken: "a\\b=#;" },
    ...{ verify: true, allowDowngrade: false, restart: false },
  },
  controllerId: "020000000001",
  image: { board: "x86_64", compatible: "scsigate-x86_64-buildroot", version: "1.0.0" },
};

test("all that the program needs, and no restart of its own", () => {
  const lines = renderHawkbit(SETTINGS, "/data/scsigate/update/fleet.raucb").split("\n");
  assert.equal(
    lines.filter((line) => /^[^#]/.test(line)),
    [
      "[client]",
      "hawkbit_server = hawkbit.example.org:8443",
      "ssl = true",
      "ssl_verify = true",
      "tenant_id = DEFAULT",
      "target_name = 020000000001",
      "auth_token = a\\\\b=#;",
      "bundle_download_location = /data/scsigate/update/fleet.raucb",
      "resume_downloads = true",
      "retry_wait = 60",
      "post_update_reboot = false",
      "log_level = message",
      "[device]",
      "product = scsigate",
      "board = x86_64",
      "compatible = scsigate-x86_64-buildroot",
      "version = 1.0.0",
    ],
  );
});

test("without TLS, by the tenant's token", () => {
  const { targetToken: _, ...config } = SETTINGS.config;
  const own = { ...config, server: "http://10.0.0.1", gatewayToken: "g", verify: false };
  const text = renderHawkbit({ ...SETTINGS, config: own }, "/b");
  for (const line of ["hawkbit_server = 10.0.0.1", "ssl = false", "ssl_verify = false", "gateway_token = g"]) {
    assert.ok(text.includes(`\n${line}\n`), line);
  }
  assert.not.match(text, "auth_token");
});

test("what an image says of itself cannot be another setting", () => {
  const image = { ...SETTINGS.image, version: "1\npost_update_reboot = true" };
  assert.match(renderHawkbit({ ...SETTINGS, image }, "/b"), "\nversion = 1 post_update_reboot = true\n");
});

const LINES: [line: string, means: ReturnType<typeof understand>][] = [
  ["MESSAGE: Checking for new software...", undefined],
  ["MESSAGE: No new software.", { kind: "reached" }],
  ["MESSAGE: New software ready for download (Name: a, Version: 1, Size: 8 bytes, URL: http://a)", { kind: "reached" }],
  ["WARNING: Failed to authenticate. Check if auth_token is correct?", { kind: "refused" }],
  ["WARNING: Scheduled check for new software failed: HTTP request failed: 403 (403)", { kind: "refused" }],
  [
    "WARNING: Scheduled check for new software failed: Couldn't connect to server (7)",
    { kind: "unreached", reason: "Couldn't connect to server" },
  ],
  ["WARNING: Failed to install software bundle.", { kind: "warning", text: "Failed to install software bundle." }],
  ["Loading config file failed: no group", { kind: "warning", text: "Loading config file failed: no group" }],
  ["", undefined],
];

for (const [line, means] of LINES) {
  test(`means ${means?.kind ?? "nothing"}: ${line}`, () => assert.equal(understand(line), means));
}

test.run();
