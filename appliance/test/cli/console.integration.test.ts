// SPDX-License-Identifier: Apache-2.0
/** scsigate-console on a real terminal, with the real command line behind it, and no service. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { consoleLogin } from "../../src/cli/consoleLogin.ts";
import { AccessStore } from "../../src/service/access/accessStore.ts";
import { diskFs } from "../../src/shared/durable.ts";
import { type Tree, temporaryTree, until } from "../support/gateway.ts";

const ROOT = join(import.meta.dirname, "../../..");
const PROGRAM = join(ROOT, "buildroot/board/common/rootfs-overlay/usr/sbin/scsigate-console");
const PASSWORD = "correct horse battery";
const OWNED = "scsigate 1.2.3, gateway\n";
const NEW = `${OWNED}\nNobody owns this gateway yet. Open the page in a browser, and give it this\nsetup token: aaaa-bbbb\n`;

interface Context {
  tree: Tree;
  terminal: ChildProcess;
  /** All that is on the screen. */
  screen(): string;
  type(text: string): void;
  show(text: string): void;
  /** Starts the program on a terminal of its own. */
  start(): void;
}

async function makeUsers(tree: Tree): Promise<void> {
  const store = new AccessStore(join(tree.root, "data/scsigate"), diskFs, randomBytes);
  await store.open();
  await store.setUser("owner", "admin", PASSWORD);
  await store.setUser("guest", "read", `${PASSWORD}!`);
}

const screen = suite<Context>("console");
screen.before.each((context) => {
  const tree = temporaryTree();
  const text = join(tree.root, "console");
  mkdirSync(join(tree.root, "bin"));
  const cli = `#!/bin/sh\nexec "${process.execPath}" --import "${join(ROOT, "node_modules/tsx/dist/loader.mjs")}" "${join(ROOT, "appliance/src/cli/main.ts")}" "$@"\n`;
  writeFileSync(join(tree.root, "bin/scsigate"), cli);
  chmodSync(join(tree.root, "bin/scsigate"), 0o755);
  let said = "";
  context.tree = tree;
  context.screen = () => said;
  context.show = (content) => {
    writeFileSync(`${text}.new`, content);
    renameSync(`${text}.new`, text);
  };
  context.start = () => {
    said = "";
    // script(1) is what gives it a terminal.
    const command = `busybox sh ${PROGRAM} here`;
    context.terminal = spawn("script", ["-qfec", command, "/dev/null"], {
      env: {
        ...process.env,
        SCSIGATE_CONSOLE_TEXT: text,
        SCSIGATE_PATH: `${tree.root}/bin:${process.env["PATH"]}`,
        SCSIGATE_DATA: join(tree.root, "data"),
        SCSIGATE_RUN: tree.root,
        PS1: "root# ",
      },
      stdio: ["pipe", "pipe", "inherit"],
    });
    context.terminal.stdout?.on("data", (data: Buffer) => {
      said += data.toString();
    });
  };
  context.type = (line) => context.terminal.stdin?.write(line);
});
screen.after.each(async ({ terminal, tree }) => {
  const ended = new Promise((resolve) => terminal.once("exit", resolve));
  if (terminal.exitCode === null && terminal.kill("SIGKILL")) await ended;
  tree.dispose();
});

screen("nobody's gateway: what to do, and no login", async ({ screen, show, start, type }) => {
  show(NEW);
  start();
  await until("the text", () => screen().includes("There is no login until then."));
  assert.match(screen(), "setup token: aaaa-bbbb");
  type("root\n");
  await until("the text again", () => screen().split("setup token").length === 3);
  assert.not.match(screen(), "Password");
});

screen("the text is shown again when it changes, and only then", async ({ screen, show, start }) => {
  start();
  await until("something at once", () => screen().includes("scsigate is starting."));
  show(`${OWNED}  eth0  192.168.1.2/24\n`);
  await until("an address", () => screen().includes("192.168.1.2/24"));
  show(`${OWNED}  eth0  192.168.1.3/24\n`);
  await until("another one", () => screen().includes("192.168.1.3/24"));
  assert.is(screen().split("192.168.1.2/24").length, 2);
});

screen("the owner's password gives a root shell, without the service, and is not shown", async (context) => {
  const { tree, screen, show, start, type } = context;
  await makeUsers(tree);
  show(OWNED);
  start();
  await until("a prompt", () => screen().includes("login: "));
  type("owner\n");
  await until("the question", () => screen().includes("Password: "));
  type(`${PASSWORD}\n`);
  await until("the welcome", () => screen().includes("Welcome, owner."));
  type("echo I am $((40 + 2))\n");
  await until("a shell", () => screen().includes("I am 42"));
  assert.not.match(screen(), PASSWORD);
  type("exit\n");
  await until("its end", () => context.terminal.exitCode !== null);
});

screen("a wrong password and somebody without the right get none", async ({ tree, screen, show, start, type }) => {
  await makeUsers(tree);
  show(OWNED);
  start();
  const attempt = async (name: string, password: string, answer: string) => {
    const [prompts, questions] = [screen().split("login: ").length, screen().split("Password: ").length];
    if (prompts === 1) await until("a prompt", () => screen().includes("login: "));
    type(`${name}\n`);
    await until("the question", () => screen().split("Password: ").length > questions);
    type(`${password}\n`);
    await until(answer, () => screen().includes(answer));
    await until("a prompt", () => screen().split("login: ").length > Math.max(prompts, 2));
  };
  await attempt("owner", "wrong", "name or password is wrong");
  await attempt("guest", `${PASSWORD}!`, "guest is no administrator");
  assert.not.match(screen(), "Welcome");
});

screen("control characters do not get to the terminal", async ({ screen, show, start }) => {
  show(`${OWNED}\u001b[2Jevil\n`);
  start();
  await until("the text", () => screen().includes("evil"));
  assert.not.match(screen(), "\u001b[2J");
});

screen.run();

const login = suite<{ tree: Tree; time: { now: number }; attempt(name: string, password: string): Promise<string> }>(
  "console login",
);
login.before.each((context) => {
  const tree = temporaryTree();
  const time = { now: 50_000 };
  const options = {
    data: join(tree.root, "data/scsigate"),
    failures: join(tree.root, "run/f.json"),
    uptime: () => time.now,
  };
  Object.assign(context, { tree, time });
  context.attempt = (name, password) =>
    consoleLogin(name, password, options).then(
      () => "in",
      (error: Error) => error.message,
    );
});
login.after.each(({ tree }) => tree.dispose());

login("nobody gets in before somebody owns the gateway, and nothing is written", async ({ tree, attempt }) => {
  assert.is(await attempt("root", ""), "nobody owns this gateway yet");
  assert.not(tree.exists("data/scsigate/access.json"));
});

login("guessing gets slow, for all names together; the right password ends it", async ({ tree, time, attempt }) => {
  await makeUsers(tree);
  for (const name of ["owner", "root", "guest"]) assert.is(await attempt(name, "wrong"), "name or password is wrong");
  assert.is(await attempt("owner", "wrong"), "name or password is wrong");
  assert.is(await attempt("owner", PASSWORD), "too many failed attempts");
  time.now += 2000;
  assert.is(await attempt("owner", "wrong"), "name or password is wrong");
  time.now += 3999;
  assert.is(await attempt("owner", PASSWORD), "too many failed attempts");
  time.now += 1;
  assert.is(await attempt("owner", PASSWORD), "in");
  assert.is(await attempt("owner", "wrong"), "name or password is wrong");
  assert.is(await attempt("owner", PASSWORD), "in");
});

login("a time that cannot be keeps nobody out", async ({ tree, attempt }) => {
  await makeUsers(tree);
  tree.write({ "run/f.json": JSON.stringify({ count: 99, until: 9e15 }) });
  assert.is(await attempt("owner", PASSWORD), "in");
});

login("busybox has what the program needs of its shell", () => {
  const { status } = spawnSync("busybox", ["sh", "-c", "read -r -t 1 x || command exec 3>/nowhere/x || exit 7"]);
  assert.is(status, 7);
});

login.run();
