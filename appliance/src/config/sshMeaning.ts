// SPDX-License-Identifier: Apache-2.0
/** What a JSON Schema cannot say about SSH: keys, and that they are whole. */
import type { ConfigError } from "../api/status.ts";
import type { Config } from "./types.ts";

export function checkSsh({ ssh }: Config, errors: ConfigError[]): void {
  if (ssh.enabled && ssh.keys.length === 0) {
    errors.push({
      path: "/ssh/keys",
      message: "SSH takes keys only, and there is none",
      nextStep: "Add the public key of whoever is to log in, a line as ssh-keygen writes it; or leave ssh.enabled off.",
    });
  }
  ssh.keys.forEach((line, index) => {
    if (isWhole(line)) return;
    errors.push({
      path: `/ssh/keys/${index}`,
      message: "the key is not whole: it is another one than its first word says, or a part of it is missing",
      nextStep: "Copy the whole line of the file that ends in .pub.",
    });
  });
}

/** The key begins with its own type, after the type's length (RFC 4253, section 6.6). */
function isWhole(line: string): boolean {
  const [type = "", text = ""] = line.split(" ");
  const blob = Buffer.from(text, "base64");
  let rest = blob;
  let first: string | undefined;
  while (rest.length >= 4) {
    const length = rest.readUInt32BE(0);
    if (length > rest.length - 4) return false;
    first ??= rest.toString("latin1", 4, 4 + length);
    rest = rest.subarray(4 + length);
  }
  return rest.length === 0 && first === type;
}
