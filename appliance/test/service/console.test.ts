// SPDX-License-Identifier: Apache-2.0
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { LinkStatus } from "../../src/api/status.ts";
import { defaultConfig } from "../../src/config/validate.ts";
import { type Banner, renderBanner } from "../../src/service/console.ts";

const ZERO = { rx_packets: 0, rx_bytes: 0, rx_errors: 0, rx_dropped: 0 };
const NONE = { ...ZERO, tx_packets: 0, tx_bytes: 0, tx_errors: 0, tx_dropped: 0 };
const FINGERPRINT = Array.from({ length: 32 }, (_, at) => (at + 16).toString(16).toUpperCase()).join(":");

function link(name: string, addresses: string[]): LinkStatus {
  const rates = { rx_packets: 0, rx_bytes: 0, tx_packets: 0, tx_bytes: 0 };
  return { interface: name, mac: null, mtu: 1500, carrier: true, addresses, counters: NONE, rates };
}

function banner(more: Partial<Banner["status"]> = {}, rest: Partial<Banner> = {}): string[] {
  const health = { status: "ok" as const, reasons: [] };
  const lan = link("eth0", ["192.168.1.2/24", "2001:db8::2/64"]);
  const status = {
    hostname: "gate",
    localUrl: "https://gate.local/",
    version: "1.2.3",
    lan,
    storage: null,
    health,
    pressed: false,
    ...more,
  };
  const { http } = defaultConfig();
  return renderBanner({
    status,
    config: { http },
    token: undefined,
    fingerprint: FINGERPRINT,
    notes: [],
    ...rest,
  }).split("\n");
}

const console = suite("console banner");

console("whose button was pressed says so, below its name", () => {
  assert.is(banner({ pressed: true })[1], "This is the one whose button was pressed.");
});

console("who it is, where the page is, and what its certificate looks like, on a screen of 80 columns", () => {
  const lines = banner();
  assert.is(lines[0], "scsigate 1.2.3, gate");
  assert.ok(lines.includes("  eth0         192.168.1.2/24       https://192.168.1.2/"));
  assert.ok(lines.includes("  eth0         2001:db8::2/64       https://[2001:db8::2]/"));
  assert.ok(lines.includes("  by name      https://gate.local/"));
  const both = lines.filter((line) => /([0-9A-F]{2}:){15}[0-9A-F]{2}$/.test(line)).map((line) => line.slice(-47));
  assert.is(both.join(":"), FINGERPRINT);
  assert.ok(lines.every((line) => line.length < 80));
  assert.not.match(lines.join("\n"), "token");
});

console("as long as nobody owns it, its token and what to do with it", () => {
  const lines = banner({}, { token: "aaaa-bbbb-cccc-dddd-eeee" });
  const at = lines.indexOf("setup token: aaaa-bbbb-cccc-dddd-eeee");
  assert.match(lines[at - 1] ?? "", /^Nobody owns this gateway yet\./);
});

console("another port is in the address; without an address it says so", () => {
  const http = { ...defaultConfig().http, httpsPort: 8443 };
  assert.match(banner({}, { config: { http } }).join("\n"), "https://192.168.1.2:8443/");
  assert.match(banner({ lan: link("eth0", []) }).join("\n"), "page         has no address yet");
});

console("what is missing, with what to do, four things at most", () => {
  const reason = (n: number) => ({ code: "lan-no-carrier" as const, message: `fault ${n}`, nextStep: `Mend ${n}.` });
  const health = { status: "degraded" as const, reasons: [1, 2, 3].map(reason) };
  const notes = [4, 5].map(reason);
  const text = banner({ health }, { notes }).join("\n");
  assert.match(text, "! fault 1\n  Mend 1.\n! fault 2");
  assert.match(text, "! fault 4\n  Mend 4.\n");
  assert.not.match(text, "fault 5");
});

console("what is no ASCII would be something else on a serial line", () => {
  const health = {
    status: "degraded" as const,
    reasons: [{ code: "lan-no-carrier" as const, message: "\u001b[2Jü", nextStep: "x" }],
  };
  assert.match(banner({ health }).join("\n"), "! ?[2J?");
});

console.run();
