// SPDX-License-Identifier: Apache-2.0
/** A real broker on a free port, and somebody who listens to everything on it. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { connectAsync, type IClientOptions, type MqttClient } from "mqtt";
import { until } from "./machine.ts";
import { type Tree, temporaryTree } from "./tree.ts";

const MOSQUITTO = "/usr/sbin/mosquitto";

export interface Heard {
  topic: string;
  payload: string;
  retained: boolean;
}

export interface BrokerOptions {
  /** Further lines of mosquitto.conf; {dir} is the folder of `files`. */
  settings?: string[];
  files?: Record<string, string>;
  /** How the listener connects. */
  scheme?: "mqtt" | "mqtts";
  client?: IClientOptions;
}

export class TestBroker {
  readonly tree: Tree = temporaryTree();
  /** Everything, in order. */
  readonly heard: Heard[] = [];
  port = 0;
  client: MqttClient | undefined;
  #process: ChildProcess | undefined;
  readonly #options: BrokerOptions;

  constructor(options: BrokerOptions = {}) {
    this.#options = options;
  }

  async start(): Promise<void> {
    this.port ||= await freePort();
    const { settings = ["allow_anonymous true"], files = {}, scheme = "mqtt", client = {} } = this.#options;
    const lines = [`listener ${this.port} 127.0.0.1`, "user root", ...settings].join("\n");
    this.tree.write({ ...files, "mosquitto.conf": lines.replaceAll("{dir}", this.tree.root) });
    this.#process = spawn(MOSQUITTO, ["-c", join(this.tree.root, "mosquitto.conf")], { stdio: "ignore" });
    await until("broker", async () => {
      try {
        this.client = await connectAsync(`${scheme}://127.0.0.1:${this.port}`, {
          reconnectPeriod: 0,
          connectTimeout: 2000,
          ...client,
        });
        return true;
      } catch {
        return false;
      }
    });
    this.client?.on("error", () => {});
    this.client?.on("message", (topic, payload, packet) => {
      this.heard.push({ topic, payload: payload.toString(), retained: packet.retain });
    });
    await this.client?.subscribeAsync(["scsigate/#", "homeassistant/#", "other/#"], { qos: 1 });
  }

  /** A power cut of the broker. */
  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await gone;
    this.client?.end(true);
  }

  async stop(): Promise<void> {
    await this.kill();
    this.tree.dispose();
  }

  /** The newest message of a topic that is not empty, as JSON. */
  last(topic: string): Record<string, unknown> | undefined {
    const found = this.heard.findLast((message) => message.topic === topic && message.payload !== "");
    return found && (JSON.parse(found.payload) as Record<string, unknown>);
  }

  /** Events in the order in which they came. */
  events(): Record<string, unknown>[] {
    return this.heard
      .filter((message) => message.topic.endsWith("/event"))
      .map((message) => JSON.parse(message.payload) as Record<string, unknown>);
  }
}

/**
 * The first, and the one after the last. Below those that Linux gives to outgoing connections (32768 and more): a broker or service that is
 * started anew finds its port free.
 */
const LASTING = [10_000, 20_000] as const;

export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(...LASTING);
    const server = createServer();
    const free = await new Promise<boolean>((resolve, reject) => {
      server.once("error", (error: NodeJS.ErrnoException) =>
        error.code === "EADDRINUSE" ? resolve(false) : reject(error),
      );
      server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
    });
    if (free) return port;
  }
}

/** mosquitto's password file: users with the same password. */
export function passwordFile(users: readonly string[], password: string): string {
  const tree = temporaryTree();
  tree.write({ passwords: "" });
  const path = join(tree.root, "passwords");
  for (const user of users) execFileSync("mosquitto_passwd", ["-b", path, user, password], { stdio: "ignore" });
  const text = readFileSync(path, "utf8");
  tree.dispose();
  return text;
}

export interface Certificates {
  ca: string;
  /** Name: [certificate, key]. */
  signed: Record<string, [string, string]>;
}

/** A CA of its own, and certificates that it signed, by name; "localhost" is good for 127.0.0.1 as well. */
export function makeCertificates(names: readonly string[]): Certificates {
  const tree = temporaryTree();
  const at = (name: string) => join(tree.root, name);
  const read = (name: string) => execFileSync("cat", [at(name)], { encoding: "utf8" });
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const quiet = { stdio: "ignore" } as const;
  const base = ["[req]", "distinguished_name=name", "[name]", "[ca]", "basicConstraints=critical,CA:true"].join("\n");
  tree.write({ "openssl.cnf": base });
  const config = ["-config", at("openssl.cnf")];
  execFileSync(
    "openssl",
    [
      ...["req", "-x509", ...curve, "-days", "2", "-subj", "/CN=test CA", ...config, "-extensions", "ca"],
      ...["-keyout", at("ca.key"), "-out", at("ca.pem")],
    ],
    quiet,
  );
  const signed: Certificates["signed"] = {};
  for (const name of names) {
    const request = ["req", "-new", ...curve, "-subj", `/CN=${name}`, ...config];
    execFileSync("openssl", [...request, "-keyout", at("key"), "-out", at("csr")], quiet);
    tree.write({ extensions: name === "localhost" ? "subjectAltName=DNS:localhost,IP:127.0.0.1" : "" });
    execFileSync(
      "openssl",
      [
        ...["x509", "-req", "-in", at("csr"), "-CA", at("ca.pem"), "-CAkey", at("ca.key"), "-CAcreateserial"],
        ...["-days", "2", "-extfile", at("extensions"), "-out", at("crt")],
      ],
      quiet,
    );
    signed[name] = [read("crt"), read("key")];
  }
  const ca = read("ca.pem");
  tree.dispose();
  return { ca, signed };
}
