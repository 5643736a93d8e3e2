// SPDX-License-Identifier: Apache-2.0
/**
 * RAUC's D-Bus interface as far as rauc-hawkbit-updater uses it, and the bus around it, on a socket in our own folder.
 * What that program wants to have installed so comes to us, as everything else that is to be installed, and not to a
 * RAUC that runs as root. The interface: de.pengutronix.rauc.Installer.xml in RAUC's source; docs/update.md says why.
 */
import { chmodSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { toProblem } from "../../../shared/errors.ts";
import { type Call, lengthOf, type Message, readCall, TYPE, type Value, writeMessage } from "./dbusMessage.ts";

const RAUC = "de.pengutronix.rauc";
const INSTALLER = `${RAUC}.Installer`;
const BUS = "org.freedesktop.DBus";
/** Unique names: ours, and that of whoever has connected. */
const OWN = ":1.0";
const CALLER = ":1.1";
/** Any 128 bits, in hexadecimal: names the server, for clients that come over several addresses. */
const GUID = "7363736967617465666c656574000001";
/** Longest line of the greeting, and what may wait to be read, bytes. */
const MAX_LINE = 256;
const MAX_UNREAD = 256 * 1024;
/** StartServiceByName: it runs already. */
const RUNS_ALREADY = 2;

/** Installs a file; throws what keeps it from that. */
export type Install = (file: string, onProgress: (percent: number, step: string) => void) => Promise<void>;

export class Installer {
  readonly #path: string;
  readonly #install: Install;
  readonly #peers = new Set<Peer>();
  #server: Server | undefined;
  #busy = false;
  #properties: Record<string, Value> = {
    Operation: ["s", "idle"],
    LastError: ["s", ""],
    Progress: ["(isi)", [0, "", 0]],
  };

  /** @param path of the socket, in a folder that nobody else can enter */
  constructor(path: string, install: Install) {
    this.#path = path;
    this.#install = install;
  }

  /** For a program's environment. */
  get address(): string {
    return `unix:path=${this.#path}`;
  }

  async start(): Promise<void> {
    rmSync(this.#path, { force: true });
    const server = createServer((socket) => {
      const peer = new Peer(socket, (call) => this.#answer(call));
      this.#peers.add(peer);
      socket.once("close", () => this.#peers.delete(peer));
    });
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.on("error", reject);
      server.listen(this.#path, resolve);
    });
    chmodSync(this.#path, 0o600);
  }

  stop(): void {
    this.#server?.close();
    for (const peer of this.#peers) peer.close();
  }

  #answer(call: Call): Omit<Message, "serial" | "replySerial"> {
    if (call.interface === BUS) return answerAsBus(call);
    if (call.interface === `${BUS}.Properties` && call.member === "GetAll") {
      return reply(["a{sv}", this.#properties]);
    }
    if (call.interface === INSTALLER && call.member === "InstallBundle" && call.text !== undefined) {
      if (this.#busy) return failure(`${BUS}.Error.Failed`, "an update is being installed");
      this.#busy = true;
      void this.#run(call.text);
      return reply();
    }
    return failure(`${BUS}.Error.UnknownMethod`, `there is no ${call.interface}.${call.member} here`);
  }

  async #run(file: string): Promise<void> {
    this.#change({ Operation: ["s", "installing"], LastError: ["s", ""] });
    let result = 0;
    try {
      await this.#install(file, (percent, step) => this.#change({ Progress: ["(isi)", [percent, step, 1]] }));
    } catch (error) {
      result = 1;
      const { message, nextStep } = toProblem(error);
      this.#change({ LastError: ["s", `${message}. ${nextStep}`] });
    }
    this.#busy = false;
    this.#change({ Operation: ["s", "idle"] });
    this.#signal(INSTALLER, "Completed", ["i", result]);
  }

  #change(changed: Record<string, Value>): void {
    this.#properties = { ...this.#properties, ...changed };
    // One at a time: rauc-hawkbit-updater looks at the first that it knows.
    for (const [name, value] of Object.entries(changed)) {
      this.#signal(
        `${BUS}.Properties`,
        "PropertiesChanged",
        ["s", INSTALLER],
        ["a{sv}", { [name]: value }],
        ["as", []],
      );
    }
  }

  #signal(name: string, member: string, ...body: Value[]): void {
    for (const peer of this.#peers) peer.send({ type: TYPE.signal, path: "/", interface: name, member, body }, OWN);
  }
}

/** What a client asks of a bus before it comes to a service's interface. */
function answerAsBus({ member, text }: Call): Omit<Message, "serial" | "replySerial"> {
  switch (member) {
    case "Hello":
      return reply(["s", CALLER]);
    case "AddMatch":
    case "RemoveMatch":
      return reply(); // every signal is sent
    case "NameHasOwner":
      return reply(["b", text === RAUC]);
    case "GetNameOwner":
      if (text === RAUC) return reply(["s", OWN]);
      return failure(`${BUS}.Error.NameHasNoOwner`, `nobody is ${text}`);
    case "StartServiceByName":
      if (text === RAUC) return reply(["u", RUNS_ALREADY]);
      return failure(`${BUS}.Error.ServiceUnknown`, `there is no ${text}`);
    default:
      return failure(`${BUS}.Error.UnknownMethod`, `there is no ${member} here`);
  }
}

function reply(...body: Value[]): Omit<Message, "serial" | "replySerial"> {
  return { type: TYPE.reply, body };
}

function failure(error: string, text: string): Omit<Message, "serial" | "replySerial"> {
  return { type: TYPE.error, error, body: [["s", text]] };
}

/** A connection: the greeting's lines first (D-Bus Specification, "Authentication Protocol"), then messages. */
class Peer {
  readonly #socket: Socket;
  readonly #answer: (call: Call) => Omit<Message, "serial" | "replySerial">;
  #unread = Buffer.alloc(0);
  #greeted = false;
  #serial = 0;

  constructor(socket: Socket, answer: (call: Call) => Omit<Message, "serial" | "replySerial">) {
    this.#socket = socket;
    this.#answer = answer;
    socket.on("error", () => socket.destroy());
    socket.on("data", (data) => this.#take(data));
  }

  close(): void {
    this.#socket.destroy();
  }

  send(message: Omit<Message, "serial">, sender: string): void {
    if (!this.#greeted) return;
    this.#serial += 1;
    this.#socket.write(writeMessage({ ...message, serial: this.#serial }, sender, CALLER));
  }

  #take(data: Buffer): void {
    this.#unread = Buffer.concat([this.#unread, data]);
    try {
      if (this.#unread.length > MAX_UNREAD) throw new Error("too long");
      while (this.#greeted ? this.#message() : this.#line());
    } catch {
      this.close(); // whoever speaks another language
    }
  }

  /** @returns whether there may be more */
  #line(): boolean {
    const end = this.#unread.indexOf("\r\n");
    if (end < 0 && this.#unread.length > MAX_LINE) throw new Error("too long");
    if (end < 0) return false;
    const line = this.#unread.toString("latin1", 0, end).replace(/^\0/, "");
    this.#unread = this.#unread.subarray(end + 2);
    if (line === "BEGIN") this.#greeted = true;
    else this.#socket.write(`${greet(line)}\r\n`);
    return true;
  }

  #message(): boolean {
    const length = lengthOf(this.#unread);
    if (length === undefined || this.#unread.length < length) return false;
    const call = readCall(this.#unread.subarray(0, length));
    this.#unread = this.#unread.subarray(length);
    if (call === undefined) return true;
    const answer = this.#answer(call);
    if (call.answer) this.send({ ...answer, replySerial: call.serial }, call.interface === BUS ? BUS : OWN);
    return true;
  }
}

/** Who could open the socket may speak: its folder is ours alone. */
function greet(line: string): string {
  if (line === "AUTH EXTERNAL") return "DATA";
  if (line.startsWith("AUTH EXTERNAL ") || line.startsWith("DATA")) return `OK ${GUID}`;
  return line.startsWith("AUTH") ? "REJECTED EXTERNAL" : "ERROR";
}
