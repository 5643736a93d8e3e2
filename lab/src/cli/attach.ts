// SPDX-License-Identifier: Apache-2.0
// A terminal, or one command, in a VM that another process started.
import { LabError } from "../errors.ts";
import { AgentClient } from "../vm/agent-client.ts";
import { agentPorts, agentSocket } from "../vm/qemu-args.ts";
import { running } from "./state.ts";

/** How long one of the ports for people may take to answer before the next is tried, milliseconds. */
const ANSWER_TIME = 4000;

async function attach(vm: string | undefined): Promise<AgentClient> {
  const state = running(vm);
  for (const port of agentPorts.filter((name) => name !== "agent")) {
    const client = new AgentClient(agentSocket(state.dir, vm ?? "", port));
    try {
      await client.greet(ANSWER_TIME);
      return client;
    } catch {
      client.close();
    }
  }
  throw new LabError(
    "vm-agent",
    `${vm} does not answer.`,
    "It may still be booting, or both of its shells are in use.",
  );
}

export async function shellIn(vm: string | undefined): Promise<number> {
  const client = await attach(vm);
  const { stdin, stdout } = process;
  const command = client.start("cd; export TERM=xterm; exec bash -l", {
    tty: true,
    onOutput: (data) => stdout.write(data),
  });
  const resize = (): void => command.resize(stdout.rows ?? 24, stdout.columns ?? 80);
  resize();
  stdout.on("resize", resize);
  if (stdin.isTTY) {
    console.log(`A shell in ${vm}. "exit" or Ctrl-D leaves it.`);
    stdin.setRawMode(true);
  }
  stdin.on("data", (data: Buffer) => command.write(data));
  // Without a terminal, the end of the input is what Ctrl-D is with one.
  stdin.on("end", () => command.write("\x04"));
  try {
    return (await command.done).code;
  } finally {
    if (stdin.isTTY) stdin.setRawMode(false);
    client.close();
  }
}

/**
 * What a shell makes the same words of. One word alone is a line for the shell, as with ssh: lab exec gateway 'ip addr | grep seg'.
 */
export function shellLine(words: readonly string[]): string {
  const [only] = words;
  if (words.length === 1 && only !== undefined) return only;
  return words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
}

export async function execIn(vm: string | undefined, words: readonly string[]): Promise<number> {
  if (words.length === 0) throw new LabError("usage", "Which command?", "For example: lab exec station-a ip addr");
  const client = await attach(vm);
  const command = client.start(shellLine(words), { onOutput: (data, stream) => process[stream].write(data) });
  if (process.stdin.isTTY) command.closeInput();
  else {
    process.stdin.on("data", (data: Buffer) => command.write(data));
    process.stdin.on("end", () => command.closeInput());
  }
  process.on("SIGINT", () => command.kill("SIGINT"));
  try {
    return (await command.done).code;
  } finally {
    client.close();
  }
}
