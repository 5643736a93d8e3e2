// SPDX-License-Identifier: Apache-2.0
/** Tries a broker step by step, so that what fails is known by name: the name, the connection, TLS, the login. */
import { promises as dns } from "node:dns";
import { isIP, connect as tcpConnect } from "node:net";
import { type PeerCertificate, type TLSSocket, connect as tlsConnect } from "node:tls";
import type { Check, ConnectionTest } from "../../api/diagnosis.ts";
import type { MqttConfig } from "../../config/types.ts";
import type { Clock } from "../../shared/clock.ts";
import { bad, good, off, type Verdict } from "../diagnosis/verdict.ts";
import { brokerAdvice } from "../health.ts";
import { connectOptions, describe, tlsOptions } from "./broker.ts";

/** For each of the four steps, milliseconds: a person waits for the answer. */
const STEP_MS = 4000;

const NO_TLS = "Check that this port speaks TLS; if it does not, use mqtt://.";

interface Target {
  host: string;
  port: number;
  secure: boolean;
}

/** @param clientId not the one of the running connection: the broker would end that one */
export async function testBroker(config: MqttConfig, clientId: string, clock: Clock): Promise<ConnectionTest> {
  const url = new URL(config.url);
  const secure = url.protocol === "mqtts:";
  const target = {
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port: Number(url.port) || (secure ? 8883 : 1883),
    secure,
  };
  const steps: [string, string, () => Promise<Verdict>][] = [
    ["name", "Name", () => tryName(target, clock)],
    ["connection", "Connection", () => tryConnection(target)],
    ["tls", "Encryption", () => tryTls(target, config)],
    ["login", "Login", () => tryLogin(config, clientId)],
  ];
  const checks: Check[] = [];
  for (const [id, title, attempt] of steps) {
    const verdict = await attempt();
    checks.push({ id, title, ...verdict });
    if (verdict.state === "bad") return { ok: false, checks };
  }
  return { ok: true, checks };
}

async function tryName({ host }: Target, clock: Clock): Promise<Verdict> {
  if (isIP(host) !== 0) return off(`${host} is an address`);
  let cancel = () => {};
  const slow = new Promise<Verdict>((resolve) => {
    cancel = clock.after(STEP_MS, () => resolve(bad(`no answer about ${host}`, "Check the LAN's name server.")));
  });
  const found = dns.lookup(host).then(
    ({ address }) => good(`${host} has the address ${address}`),
    () => bad(`nobody knows ${host}`, "Check the name in mqtt.url and the LAN's name server."),
  );
  const verdict = await Promise.race([found, slow]);
  cancel();
  return verdict;
}

function tryConnection({ host, port }: Target): Promise<Verdict> {
  return new Promise((resolve) => {
    const socket = tcpConnect({ host, port, timeout: STEP_MS });
    const end = (verdict: Verdict) => {
      socket.destroy();
      resolve(verdict);
    };
    socket.on("connect", () => end(good(`port ${port} is open`)));
    socket.on("timeout", () => end(bad(`no answer from port ${port}`, "Check the address, and firewalls on the way.")));
    socket.on("error", (error) => {
      end(bad(`port ${port}: ${describe(error)}`, "Check that the broker runs there and listens on this port."));
    });
  });
}

function tryTls({ host, port, secure }: Target, { tls }: MqttConfig): Promise<Verdict> {
  if (!secure) return Promise.resolve(off("none: passwords and figures go in clear text"));
  return new Promise((resolve) => {
    let socket: TLSSocket | undefined;
    const end = (verdict: Verdict) => {
      socket?.destroy();
      resolve(verdict);
    };
    const failed = (error: unknown) => {
      const said = describe(error);
      // What a port without TLS answers, or its silence, in OpenSSL's words and in Node's.
      const plain = /wrong version number|before secure TLS|ECONNRESET/i.test(said);
      end(bad(said, plain ? NO_TLS : brokerAdvice(said)));
    };
    try {
      const servername = isIP(host) === 0 ? { servername: host } : {};
      socket = tlsConnect({ host, port, timeout: STEP_MS, ...servername, ...tlsOptions(tls) });
    } catch (error) {
      failed(error); // a key or certificate that OpenSSL does not take
      return;
    }
    const one = socket;
    one.on("secureConnect", () => end(good(`${one.getProtocol()}, ${certificateOf(one.getPeerCertificate())}`)));
    one.on("timeout", () => end(bad("no TLS answer", NO_TLS)));
    one.on("error", failed);
  });
}

function certificateOf({ subject, valid_to }: PeerCertificate): string {
  const name = subject?.CN;
  return `certificate of ${Array.isArray(name) ? name.join(", ") : (name ?? "(no name)")}, until ${valid_to}`;
}

async function tryLogin(config: MqttConfig, clientId: string): Promise<Verdict> {
  const { connect } = await import("mqtt"); // as late as the connection itself
  const who = config.username === undefined ? "nobody (no user name is set)" : config.username;
  return new Promise((resolve) => {
    const client = connect(config.url, { ...connectOptions(config, clientId), connectTimeout: STEP_MS });
    const end = (verdict: Verdict) => {
      client.removeAllListeners();
      client.on("error", () => {}); // what comes after the end is of no interest
      client.end(true);
      resolve(verdict);
    };
    client.on("connect", () => end(good(`the broker lets ${who} in`)));
    client.on("error", (error) => end(bad(describe(error), loginAdvice(describe(error)))));
    client.on("close", () => {
      end(bad("the broker closed the connection", `Check the broker's log, and try MQTT ${otherProtocol(config)}.`));
    });
  });
}

function loginAdvice(error: string): string {
  if (/connack timeout/i.test(error)) return "Something else listens on this port: check the port in mqtt.url.";
  return brokerAdvice(error);
}

function otherProtocol({ protocol }: MqttConfig): string {
  return protocol === "5" ? "3.1.1" : "5";
}
