// SPDX-License-Identifier: Apache-2.0
/** Commands for the machine as a whole: certificate, update, restart, first administrator. */
import { basename } from "node:path";
import type { ResetOutlook } from "../api/reset.ts";
import { MIN_PASSWORD } from "../api/schemas.ts";
import type { Status } from "../api/status.ts";
import type { UpdateState, UpdateView } from "../api/update.ts";
import { hashPassword } from "../service/access/password.ts";
import { asObject } from "../shared/json.ts";
import { CliError } from "./client.ts";
import { type CliWorld, type Commands, type Options, ok, readText, type Said, save, sure, view } from "./command.ts";
import { formatCertificate, formatProgress, formatReset, formatUpdate } from "./format.ts";

/** Between two looks at an update, milliseconds. */
const UPDATE_POLL_MS = 1000;
const UPDATE_HELP = "the image that runs, the one in the other slot, and the last update";

export const systemCommands: Commands = {
  certificate: view("/api/v1/system/certificate", "the page's certificate, and how long it holds", formatCertificate),
  "certificate pem": {
    usage: "",
    help: "prints it",
    takes: [0, 0],
    async run(_args, _options, { call }) {
      const pem = ok(await call("GET", "/api/v1/system/certificate/pem")).body.toString();
      return { json: { pem }, text: pem.trimEnd() };
    },
  },
  "certificate set": {
    usage: "CERTIFICATE KEY",
    help: "replaces it by those of two PEM files, at once",
    takes: [2, 2],
    async run([certificate = "", key = ""], _options, world) {
      const body = { certificate: readText(world, certificate), key: readText(world, key) };
      const { json } = ok(await world.call("PUT", "/api/v1/system/certificate", body));
      return { json, text: formatCertificate(json) };
    },
  },
  "certificate regenerate": {
    usage: "",
    help: "makes a new key and a self-signed certificate",
    takes: [0, 0],
    async run(_args, _options, { call }) {
      const { json } = ok(await call("POST", "/api/v1/system/certificate/regenerate"));
      return { json, text: formatCertificate(json) };
    },
  },
  support: {
    usage: "[FILE]",
    help: "writes what helps to find a fault, without secrets, as a .tar.gz",
    takes: [0, 1],
    async run([file = "scsigate-support.tar.gz"], _options, world) {
      const { body } = ok(await world.call("GET", "/api/v1/system/support"));
      return save(file, body, world);
    },
  },
  update: view("/api/v1/update", UPDATE_HELP, formatUpdate),
  "update status": view("/api/v1/update", "the same", formatUpdate),
  "update install": {
    usage: "FILE|URL [--allow-downgrade] [--reboot]",
    help: "receives an update bundle, checks it and writes it to the other slot",
    takes: [1, 1],
    run: ([from = ""], options, world) => installUpdate(from, options, world),
  },
  "update restart": {
    usage: "",
    help: "restarts into it",
    takes: [0, 0],
    async run(_args, _options, { call }) {
      ok(await call("POST", "/api/v1/update/restart"));
      return { json: null, text: "The machine restarts." };
    },
  },
  "update back": {
    usage: "[--reboot]",
    help: "chooses the image in the other slot for the next start",
    takes: [0, 0],
    async run(_args, options, { call }) {
      const { json } = ok(await call("POST", "/api/v1/update/back", { restart: options.reboot === true }));
      return { json, text: formatUpdate(json) };
    },
  },
  "update cancel": {
    usage: "",
    help: "drops what was received or chosen; takes note of a failure",
    takes: [0, 0],
    async run(_args, _options, { call }) {
      const { json } = ok(await call("DELETE", "/api/v1/update"));
      return { json, text: formatUpdate(json) };
    },
  },
  "adapter update": {
    usage: "SEGMENT",
    help: "puts the firmware that came with this gateway onto a segment's adapter on USB",
    takes: [1, 1],
    run: ([segment = ""], _options, world) => updateAdapter(segment, world),
  },
  "adapter reset": {
    usage: "",
    help: "pulls the reset line of the adapter on USB (panel.adapterReset)",
    takes: [0, 0],
    async run(_args, _options, { call }) {
      ok(await call("POST", "/api/v1/adapter-reset"));
      return { json: null, text: "The adapter starts anew." };
    },
  },
  restart: {
    usage: "--yes",
    help: "starts the supervisor anew; forwarding goes on",
    takes: [0, 0],
    async run(_args, options, { call }) {
      sure(options, "starts the supervisor anew");
      ok(await call("POST", "/api/v1/system/restart"));
      return { json: null, text: "The supervisor starts anew." };
    },
  },
  reboot: {
    usage: "--yes",
    help: "restarts the machine",
    takes: [0, 0],
    async run(_args, options, { call }) {
      sure(options, "cuts all stations off");
      ok(await call("POST", "/api/v1/system/reboot"));
      return { json: null, text: "The machine restarts." };
    },
  },
  "setup-token": {
    usage: "",
    help: "what makes the first administrator, until there is one",
    takes: [0, 0],
    async run(_args, _options, { call }) {
      const { json } = ok(await call("GET", "/api/v1/setup/token"));
      const { token } = asObject(json);
      if (typeof token === "string") return { json, text: token };
      throw new CliError("this gateway has an administrator already", "Log in, or see docs/operation.md, Ways back.");
    },
  },
  "hash-password": {
    usage: "",
    help: "the hash of a password from standard input, for scsigate.json",
    takes: [0, 0],
    // For a file that somebody prepares elsewhere: the gateway is not asked.
    async run(_args, _options, world) {
      const password = readText(world, "-").replace(/\r?\n$/, "");
      if (password.length < MIN_PASSWORD) {
        throw new CliError(`a password has at least ${MIN_PASSWORD} characters`, "Send it on standard input.");
      }
      const passwordHash = await hashPassword(password);
      return { json: { passwordHash }, text: passwordHash };
    },
  },
  "console-login": {
    usage: "",
    help: "what the console asks: name and password, a line each, from standard input",
    takes: [0, 0],
    async run(_args, _options, world) {
      const [name = "", password = ""] = readText(world, "-").split("\n");
      await world.login(name, password);
      return { json: { name }, text: `Welcome, ${name}. This shell is root's: it may do everything.` };
    },
  },
  reset: {
    usage: "--yes",
    help: "factory reset",
    takes: [0, 0],
    async run(_args, options, { call }) {
      sure(options, "erases everything");
      const outlook = ok(await call("GET", "/api/v1/factory-reset")).json as ResetOutlook;
      ok(await call("POST", "/api/v1/factory-reset", { confirm: "erase everything" }));
      return { json: outlook, text: formatReset(outlook) };
    },
  },
};

/** Receives, checks and installs; waits for each, and says on standard error how far it is. */
async function installUpdate(from: string, options: Options, world: CliWorld): Promise<Said> {
  const { call, upload } = world;
  const { image, problem } = ok(await call("GET", "/api/v1/update")).json as UpdateView;
  if (image === null && problem !== null) throw new CliError(problem.message, problem.nextStep, problem.code);
  if (/^https?:\/\//.test(from)) {
    ok(await call("POST", "/api/v1/update/download", { url: from }));
    await untilUpdate(["ready"], world);
  } else {
    world.err(`Receiving ${from}`);
    ok(await upload(`/api/v1/update/bundle?name=${encodeURIComponent(basename(from))}`, from));
  }
  const body = { allowDowngrade: options["allow-downgrade"] === true };
  ok(await call("POST", "/api/v1/update/install", body));
  const json = await untilUpdate(["ready-to-restart"], world);
  if (options.reboot === true) ok(await call("POST", "/api/v1/update/restart"));
  return { json, text: options.reboot === true ? "Installed. The machine restarts." : formatUpdate(json) };
}

/** @throws CliError with why it failed */
async function updateAdapter(segment: string, { call, err, pause }: CliWorld): Promise<Said> {
  ok(await call("POST", `/api/v1/segments/${encodeURIComponent(segment)}/adapter/update`));
  let said = "";
  for (;;) {
    const { segments } = ok(await call("GET", "/api/v1/status")).json as Status;
    const bus = segments.find(({ name }) => name === segment)?.bus;
    const update = bus?.update ?? null;
    if (update === null) throw new CliError(`segment ${segment} has no adapter any more`, "See: scsigate status");
    const { state, percent, problem } = update;
    if (problem !== null) throw new CliError(problem.message, problem.nextStep, problem.code);
    if (state === "done") return { json: bus, text: `The adapter runs ${bus?.firmware ?? "its new firmware"}.` };
    const step = state === "writing" ? `Writing ${percent} %` : "The adapter restarts";
    if (step !== said) err(step);
    said = step;
    await pause(UPDATE_POLL_MS);
  }
}

/** @throws CliError with why it failed */
async function untilUpdate(wanted: readonly UpdateState[], { call, err, pause }: CliWorld): Promise<UpdateView> {
  let said = "";
  for (;;) {
    const view = ok(await call("GET", "/api/v1/update")).json as UpdateView;
    if (wanted.includes(view.state)) return view;
    if (!["receiving", "checking", "installing"].includes(view.state)) {
      const { message, nextStep, code } = view.problem ?? {
        message: "it was cancelled",
        nextStep: "",
        code: undefined,
      };
      throw new CliError(message, nextStep, code);
    }
    const step = formatProgress(view);
    if (step !== said) err(step);
    said = step;
    await pause(UPDATE_POLL_MS);
  }
}
