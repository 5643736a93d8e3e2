// SPDX-License-Identifier: Apache-2.0
/**
 * A hawkBit server as devices see it: the Direct Device Integration API (https://eclipse.dev/hawkbit/rest-api/ddi/) with
 * one target, and one deployment at a time. Forms of answers, status codes and execution states are those of its
 * OpenAPI description.
 */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** DdiActionFeedback */
export interface Feedback {
  status: {
    execution: "proceeding" | "canceled" | "scheduled" | "rejected" | "resumed" | "downloaded" | "download" | "closed";
    result: { finished: "success" | "failure" | "none" };
    details?: string[];
  };
}

export class HawkbitServer {
  readonly tenant = "DEFAULT";
  readonly controllerId: string;
  /** What an Authorization header must be. */
  authorization: string;
  /** How often the target was asked for, with the right token and with another one. */
  polls = 0;
  refused = 0;
  /** Attributes of the target, once it has told them. */
  attributes: Record<string, string> | undefined;
  /** Of all deployments, as they came. */
  readonly feedback: Feedback[] = [];
  /** Requests that nothing is known about. */
  readonly strange: string[] = [];
  #bundle: { version: string; data: Buffer } | undefined;
  #action = 0;
  readonly #server = createServer((request, response) => {
    this.#answer(request, response).catch((error: unknown) => {
      this.strange.push(String(error));
      response.writeHead(500).end();
    });
  });

  constructor(controllerId: string, authorization: string) {
    this.controllerId = controllerId;
    this.authorization = authorization;
  }

  /** @param port 0 lets the kernel choose */
  async start(port = 0): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(port, "127.0.0.1", resolve));
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Assigns a distribution set to the target. */
  deploy(version: string, data: Buffer): void {
    this.#action += 1;
    this.feedback.length = 0;
    this.#bundle = { version, data };
  }

  /** How the deployment ended; undefined while it is open. */
  get result(): "success" | "failure" | undefined {
    const last = this.feedback.find(({ status }) => status.execution === "closed");
    return last?.status.result.finished === "none" ? undefined : last?.status.result.finished;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const base = `/${this.tenant}/controller/v1/${this.controllerId}`;
    const path = new URL(request.url ?? "", this.url).pathname;
    const body = await bodyOf(request);
    if (request.headers.authorization !== this.authorization) {
      this.refused += 1;
      response.writeHead(401).end();
      return;
    }
    const what = `${request.method} ${path}`;
    const deployment = `${base}/deploymentBase/${this.#action}`;
    if (what === `GET ${base}`) this.#poll(base, response);
    else if (what === `PUT ${base}/configData`) {
      this.attributes = (JSON.parse(body) as { data: Record<string, string> }).data;
      response.end();
    } else if (what === `GET ${deployment}` && this.#bundle !== undefined) send(response, this.#deployment(base));
    else if (what === `GET ${base}/softwaremodules/1/artifacts/update.raucb` && this.#bundle !== undefined)
      response.writeHead(200, { "Content-Type": "application/octet-stream" }).end(this.#bundle.data);
    else if (what === `POST ${deployment}/feedback`) {
      this.feedback.push(JSON.parse(body) as Feedback);
      response.end();
    } else {
      this.strange.push(what);
      response.writeHead(404).end();
    }
  }

  /** DdiControllerBase */
  #poll(base: string, response: ServerResponse): void {
    this.polls += 1;
    const links: Record<string, { href: string }> = {};
    if (this.attributes === undefined) links["configData"] = { href: `${this.url}${base}/configData` };
    if (this.#bundle !== undefined && this.result === undefined) {
      links["deploymentBase"] = { href: `${this.url}${base}/deploymentBase/${this.#action}?c=-2129030598` };
    }
    send(response, { config: { polling: { sleep: "00:00:01" } }, _links: links });
  }

  /** DdiDeploymentBase */
  #deployment(base: string): unknown {
    const { version = "", data = Buffer.alloc(0) } = this.#bundle ?? {};
    const hash = (name: string) => createHash(name).update(data).digest("hex");
    const href = `${this.url}${base}/softwaremodules/1/artifacts/update.raucb`;
    const artifact = {
      filename: "update.raucb",
      hashes: { sha1: hash("sha1"), md5: hash("md5"), sha256: hash("sha256") },
      size: data.length,
      _links: { "download-http": { href }, "md5sum-http": { href: `${href}.MD5SUM` } },
    };
    const chunks = [{ part: "os", version, name: "scsigate", artifacts: [artifact] }];
    return { id: String(this.#action), deployment: { download: "forced", update: "forced", chunks } };
  }
}

function send(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { "Content-Type": "application/hal+json" }).end(JSON.stringify(value));
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}
