// SPDX-License-Identifier: Apache-2.0
/** Addresses of servers that the schema's pattern lets through, and that nobody could connect to. */
import type { ConfigError } from "../api/status.ts";

/** @param path of the setting, as a JSON pointer */
export function checkUrl(path: string, url: string, errors: ConfigError[]): void {
  const port = Number(/:([0-9]+)\/?$/.exec(url.replace(/\[.*\]/, ""))?.[1] ?? 1);
  if (port < 1 || port > 65535) {
    errors.push({ path, message: `there is no port ${port}`, nextStep: "Use one from 1 to 65535." });
  } else if (!URL.canParse(url)) {
    const host = url.replace(/^[a-z]+:\/\/|(:[0-9]+)?\/?$/g, "");
    errors.push({
      path,
      message: `${host} is neither an address nor a name`,
      nextStep: "Write a name, 192.168.1.5 or [fd00::5].",
    });
  }
}
