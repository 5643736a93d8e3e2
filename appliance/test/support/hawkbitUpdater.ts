// SPDX-License-Identifier: Apache-2.0
/**
 * What rauc-hawkbit-updater does, where it is not installed (Debian 12 has no package of it): asks, downloads, has
 * installed, tells, and logs in its words. It speaks D-Bus through `rauc install`, by the same library (GDBus).
 * Called as that program is: -c FILE
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, rmSync, writeFileSync } from "node:fs";

const POLL_MS = 200;
const options: Record<string, string> = {};
for (const line of readFileSync(process.argv.at(-1) ?? "", "utf8").split("\n")) {
  const [, name, value] = /^([a-z_]+) = (.*)$/.exec(line) ?? [];
  if (name !== undefined && value !== undefined) options[name] ??= value;
}
const option = (name: string) => options[name] ?? "";
const bundle = option("bundle_download_location");
const token =
  options["auth_token"] === undefined
    ? `GatewayToken ${option("gateway_token")}`
    : `TargetToken ${option("auth_token")}`;
const scheme = option("ssl") === "true" ? "https" : "http";
const base = `${scheme}://${option("hawkbit_server")}/${option("tenant_id")}/controller/v1/${option("target_name")}`;

interface Links {
  _links: Record<string, { href: string }>;
}
interface Deployment {
  id: string;
  deployment: { chunks: { artifacts: (Links & { hashes: { sha1: string } })[] }[] };
}

async function ask(method: string, url: string, body?: unknown): Promise<Response> {
  const headers = { Authorization: token, "Content-Type": "application/json" };
  return fetch(url, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
}

function say(level: "MESSAGE" | "WARNING", text: string): void {
  (level === "MESSAGE" ? process.stdout : process.stderr).write(`${level}: ${text}\n`);
}

async function tell(id: string, finished: string, execution: string, detail: string): Promise<void> {
  say(finished === "failure" ? "WARNING" : "MESSAGE", detail);
  await ask("POST", `${base}/deploymentBase/${id}/feedback`, {
    id,
    status: { result: { finished }, execution, details: [detail] },
  });
}

/** @returns whether it was installed */
function install(id: string): Promise<boolean> {
  return new Promise((resolve) => {
    const child = execFile("rauc", ["install", bundle], (error) => resolve(error === null));
    child.stdout?.on("data", (data: Buffer) => {
      for (const line of String(data).split("\n").filter(Boolean)) void tell(id, "none", "proceeding", line);
    });
  });
}

async function deploy(href: string): Promise<void> {
  const { id, deployment } = (await (await ask("GET", href)).json()) as Deployment;
  const artifact = deployment.chunks[0]?.artifacts[0];
  const from = artifact?._links["download-http"]?.href ?? "";
  say("MESSAGE", `Start downloading: ${from}`);
  const data = Buffer.from(await (await ask("GET", from)).arrayBuffer());
  if (createHash("sha1").update(data).digest("hex") !== artifact?.hashes.sha1) throw new Error("checksum");
  writeFileSync(bundle, data);
  await tell(id, "none", "proceeding", "File checksum OK.");
  if (await install(id)) await tell(id, "success", "closed", "Software bundle installed successfully.");
  else await tell(id, "failure", "closed", "Failed to install software bundle.");
  rmSync(bundle, { force: true });
}

async function poll(): Promise<void> {
  say("MESSAGE", "Checking for new software...");
  const answer = await ask("GET", base);
  if (answer.status === 401) return say("WARNING", "Failed to authenticate. Check if auth_token is correct?");
  if (!answer.ok) throw new Error(`HTTP request failed: ${answer.status} (${answer.status})`);
  const { _links: links } = (await answer.json()) as Links;
  if (links["configData"] !== undefined) {
    const names = ["product", "board", "compatible", "version"];
    const data = Object.fromEntries(names.map((name) => [name, option(name)]));
    await ask("PUT", `${base}/configData`, { data });
  }
  if (links["deploymentBase"] === undefined) say("MESSAGE", "No new software.");
  else await deploy(links["deploymentBase"].href);
}

for (;;) {
  await poll().catch((error: unknown) => say("WARNING", `Scheduled check for new software failed: ${error} (7)`));
  await new Promise((resolve) => setTimeout(resolve, POLL_MS));
}
