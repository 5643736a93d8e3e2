// SPDX-License-Identifier: Apache-2.0
// Every file that the tree names is there.
import { accessSync, constants, existsSync, lstatSync, readFileSync, readlinkSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { boards, EXTERNAL, type Finding, filesBelow, linesOf, readDefconfig, stringOf } from "./tree.ts";

const OVERLAY = "board/common/rootfs-overlay";

/** Made by the build, in the repository's own folders: what has to be there is where they are made. */
function committed(path: string): string {
  if (/^\.\.\/build(\/|$)/.test(path)) return "..";
  return /^\.\.\/(appliance|web-ui)\/dist(\/|$)/.test(path) ? `../${path.split("/")[1]}/package.json` : path;
}

function isThere(dir: string, path: string): boolean {
  // up to the first part that make or the shell fills in
  const plain = path.replace(/\/[^/]*[*?].*$/, "");
  return existsSync(join(dir, committed(normalize(plain))));
}

/** What a script means by "$here" and "$board_dir", as folders of the tree. */
function scriptFolders(dir: string, script: string, text: readonly string[]): Map<string, string[]> {
  const own = dirname(script);
  const here = text.some((line) => line.includes(`here=$(cd "$(dirname "$0")/.."`)) ? dirname(own) : own;
  const argument = `BR2_ROOTFS_POST_SCRIPT_ARGS`;
  const users = boards(dir)
    .map((board) => readDefconfig(dir, board))
    .filter((config) => [...config.values()].some((value) => value?.includes(script)));
  return new Map([
    ["here", [here]],
    ["board_dir", users.map((config) => stringOf(config, argument))],
  ]);
}

/** Files named by the tree's folder: in defconfigs, makefiles, Config.in. */
function namedByExternal(dir: string, file: string): Finding[] {
  const pattern = new RegExp(`\\$[({]?BR2_EXTERNAL_${EXTERNAL}_PATH[)}]?/([\\w./*?-]+)`, "g");
  return linesOf(join(dir, file)).flatMap((line) =>
    [...line.matchAll(pattern)]
      .map((match) => match[1] ?? "")
      .filter((path) => !isThere(dir, path))
      .map((path) => `${file} names ${path}, which is not there`),
  );
}

/** Files that a shell script takes from beside itself or from the board's folder. */
function namedByScript(dir: string, file: string): Finding[] {
  const lines = linesOf(join(dir, file));
  if (!/^#!\/bin\/(ba)?sh/.test(lines[0] ?? "")) return [];
  const folders = scriptFolders(dir, file, lines);
  return lines
    .filter((line) => !/^\s*#/.test(line))
    .flatMap((line) => [...line.matchAll(/\$(here|board_dir)\/([\w./-]+)(\$?)/g)])
    .flatMap(([, name = "", rest = "", more]) => {
      const path = more === "" ? rest : dirname(`${rest}x`); // the end of the name comes from a variable
      return (folders.get(name) ?? []).map((folder) => join(folder, path));
    })
    .filter((path) => !isThere(dir, path))
    .map((path) => `${file} takes ${path}, which is not there`);
}

/** Links of the overlay lead to what is there when the machine runs; all others lead to files of the tree. */
function danglingLinks(dir: string, files: readonly string[]): Finding[] {
  return files
    .filter((file) => !file.startsWith(`${OVERLAY}/`))
    .filter((file) => lstatSync(join(dir, file)).isSymbolicLink() && !existsSync(join(dir, file)))
    .map((file) => `${file} is a link to what is not there`);
}

/**
 * Of the overlay: each line that is the only one of a file, and a path into /run, was a link. Tools that carry a tree
 * without its absolute links leave such files, and what is at the path is then never read: links are relative.
 */
function lostLinks(dir: string, files: readonly string[]): Finding[] {
  return files
    .filter((file) => file.startsWith(`${OVERLAY}/`))
    .flatMap((file) => {
      const path = join(dir, file);
      if (lstatSync(path).isSymbolicLink()) {
        return readlinkSync(path).startsWith("/")
          ? [`${file} is an absolute link; a relative one is kept by every tool`]
          : [];
      }
      const text = lstatSync(path).size < 200 ? readFileSync(path, "utf8") : "";
      return /^[./]*run\/\S+\s*$/.test(text) ? [`${file} was a link (ln -s), and is a file that holds its target`] : [];
    });
}

function mayRun(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** A script that lost its mode is not started, and nobody says so. */
function notExecutable(dir: string, files: readonly string[]): Finding[] {
  return files
    .filter((file) => existsSync(join(dir, file)) && /^#!/.test(linesOf(join(dir, file))[0] ?? ""))
    .filter((file) => !mayRun(join(dir, file)))
    .map((file) => `${file} is a script that may not be executed (chmod 755)`);
}

export function checkPaths(dir: string): Finding[] {
  const files = filesBelow(dir);
  const own = files.filter((file) => !file.startsWith(`${OVERLAY}/`) && existsSync(join(dir, file)));
  const named = [...new Set(own.flatMap((file) => [...namedByExternal(dir, file), ...namedByScript(dir, file)]))];
  return [...named, ...danglingLinks(dir, files), ...lostLinks(dir, files), ...notExecutable(dir, files)];
}

/** The accounts of the root file system belong together, and none has a password. */
export function checkAccounts(dir: string): Finding[] {
  const table = (name: string): string[][] =>
    linesOf(join(dir, OVERLAY, "etc", name))
      .filter(Boolean)
      .map((line) => line.split(":"));
  const [users, groups, shadow] = [table("passwd"), table("group"), table("shadow")];
  const gids = new Set(groups.map(([, , gid]) => gid));
  const passwords = new Map(shadow.map(([name, password]) => [name, password]));
  const findings = users.flatMap(([name = "", , , gid = ""]) => [
    ...(gids.has(gid) ? [] : [`etc/passwd: ${name} is in group ${gid}, which etc/group does not have`]),
    ...(passwords.has(name) ? [] : [`etc/shadow has no line for ${name}`]),
  ]);
  const open = shadow.filter(([, password = ""]) => !/^[*!]/.test(password));
  const ids = users.map(([, , uid]) => uid);
  return [
    ...findings,
    ...open.map(([name]) => `etc/shadow: ${name} has a password; the image has none`),
    ...ids.filter((uid, index) => ids.indexOf(uid) !== index).map((uid) => `etc/passwd has two users ${uid}`),
  ];
}
