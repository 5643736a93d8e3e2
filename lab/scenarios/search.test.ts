// SPDX-License-Identifier: Apache-2.0
// The article's web search: an engine reads the pages of servers on two SCSI buses, and hosts on both ask it. ht://Dig, wrk and busybox's
// web server, as Debian has them.
import * as assert from "uvu/assert";
import { search } from "../src/arrangements/all.ts";
import { addressOf } from "../src/arrangements/plan.ts";
import { forDocs, toPart, writeDown } from "../src/arrangements/report.ts";
import { topologyOf } from "../src/arrangements/scenario.ts";
import { ArrangementRig } from "../src/rigs/arrangement.ts";
import { scenario } from "../src/scenario.ts";
import { waitFor } from "../src/time.ts";

/** With pages: one beside the engine, two behind the router. */
const SERVERS = ["a", "d", "e"] as const;
const ENGINE = "b";
const ASKING = ["c", "f"] as const;
/** Of each server. */
const PAGES = 100;
const SECONDS = 5;
const TIMEOUT = 300_000;
const SITES = "/srv";
const ENGINE_SITE = `${SITES}/${ENGINE}`;
const QUERIES = "/etc/queries.lua";
/** With a length, and the word that the connection ends: otherwise wrk takes an answer for a broken one. */
const CGI = `#!/bin/sh
answer=$(htsearch | sed '1,/^\r*$/d')
printf 'Content-Type: text/html\\r\\nConnection: close\\r\\nContent-Length: %d\\r\\n\\r\\n%s\\n' $((\${#answer} + 1)) "$answer"
`;

/** A word that no other page has; letters only, as those of a number are not looked for. */
function wordOf(server: string, page: number): string {
  const letters = [page / 100, page / 10, page].map((digit) => "bcdfghjklm"[Math.floor(digit) % 10]);
  return `tape${server}${letters.join("")}`;
}

function urlOf(server: string, page: number): string {
  return `http://${addressOf(search, server)}/p${page}.html`;
}

/** Each page links to the next one of its server, and the last one to the next server's first. */
function pageOf(index: number, page: number): string {
  const server = SERVERS[index] ?? "";
  const next = SERVERS[(index + 1) % SERVERS.length] ?? "";
  const links = [page + 1 < PAGES ? urlOf(server, page + 1) : urlOf(next, 0), urlOf(server, (page * 7) % PAGES)];
  const anchors = links.map((url) => `<a href="${url}">more</a>`).join(" ");
  return `<html><head><title>${page}</title></head><body><p>${wordOf(server, page)} and the bus. ${anchors}</p></body></html>\n`;
}

const CONFIG = `database_dir: /var/lib/htdig
common_dir: /etc/htdig
start_url: ${urlOf(SERVERS[0], 0)}
limit_urls_to: ${SERVERS.map((server) => `http://${addressOf(search, server)}/`).join(" ")}
search_algorithm: exact:1
template_map: line line \${common_dir}/line.html
template_name: line
search_results_header: \${common_dir}/header.html
search_results_footer: \${common_dir}/footer.html
nothing_found_file: \${common_dir}/nothing.html
bad_word_list:
`;

/** For wrk: each thread asks for one word after the other, on one connection, so an answer belongs to the last question. */
const LUA = `local questions = {
${SERVERS.flatMap((server) =>
  Array.from({ length: PAGES }, (_, page) => `  { "${wordOf(server, page)}", "${urlOf(server, page)}" },`),
).join("\n")}
}
local asked = 0
function setup(thread) thread:set("first", math.random(#questions)) end
function request()
  asked = asked + 1
  local question = questions[(first + asked) % #questions + 1]
  wanted = question[2]
  return wrk.format("GET", "/cgi-bin/search?method=and&words=" .. question[1])
end
function response(status, headers, body)
  if status ~= 200 or not body:find(wanted .. "\\n", 1, true) or not body:find("found 1\\n", 1, true) then
    io.write("WRONG: " .. wanted .. ": " .. status .. " " .. body .. "\\n")
  end
end
`;

const topology = topologyOf(search, {
  layers: ["search"],
  files: {
    "/etc/htdig/htdig.conf": CONFIG,
    "/etc/htdig/line.html": "$&(URL)\n",
    "/etc/htdig/header.html": "found $(MATCHES)\n",
    "/etc/htdig/footer.html": "\n",
    "/etc/htdig/nothing.html": "found 0\n",
    "/etc/htdig/mime.types": "text/html html\n",
    "/etc/services": "http 80/tcp\n",
    [QUERIES]: LUA,
    ...Object.fromEntries(
      SERVERS.flatMap((server, index) =>
        Array.from({ length: PAGES }, (_, page) => [`${SITES}/${server}/p${page}.html`, pageOf(index, page)]),
      ),
    ),
  },
});

const measured = { pages: 0, readSeconds: 0, answers: 0 };
let rig: ArrangementRig;

const tests = scenario(search.name, topology, {
  prepare: async (bench) => {
    rig = new ArrangementRig(bench.vm("loop"), search);
    await rig.setUp();
    await rig.vm.writeFile(`${ENGINE_SITE}/cgi-bin/search`, CGI);
    await rig.vm.ok(`mkdir -p /var/lib/htdig; chmod +x ${ENGINE_SITE}/cgi-bin/search`);
    for (const host of [...SERVERS, ENGINE]) {
      rig.vm.start(`exec ip netns exec ${host} busybox httpd -f -p 80 -h ${SITES}/${host}`);
      await waitFor("a web server", async () => (await rig.in(host, "ss -ltn")).stdout.includes(":80 "), {
        timeout: 30_000,
      });
    }
  },
});

tests.test("the engine reads all pages of servers on both buses", async () => {
  const from = Date.now();
  const { code, stdout, stderr } = await rig.in(ENGINE, "htdig -i -v -s", { timeout: TIMEOUT });
  assert.is(code, 0, stdout + stderr);
  measured.readSeconds = (Date.now() - from) / 1000;
  const purged = await rig.in(ENGINE, "htpurge -v", { timeout: TIMEOUT });
  assert.is(purged.code, 0, purged.stdout + purged.stderr);
  for (const server of SERVERS)
    assert.match(
      stdout,
      new RegExp(`${addressOf(search, server).replaceAll(".", "\\.")}:80 ${PAGES} documents`),
      stdout,
    );
  measured.pages = SERVERS.length * PAGES;
});

tests.test("hosts on both buses ask it at the same time, and each answer is the right one", async () => {
  const from = `http://${addressOf(search, ENGINE)}`;
  const answers = await Promise.all(
    ASKING.map(async (host) => {
      const command = `wrk -t 1 -c 1 -d ${SECONDS} --timeout 20 -s ${QUERIES} ${from}`;
      const { code, stdout, stderr } = await rig.in(host, command, { timeout: TIMEOUT });
      assert.is(code, 0, stdout + stderr);
      for (const trouble of ["WRONG", "Non-2xx", "Socket errors"]) assert.not.match(stdout, trouble, stdout);
      return Number(/(\d+) requests in/.exec(stdout)?.[1]);
    }),
  );
  for (const count of answers) assert.ok(count > 0, String(answers));
  measured.answers = answers.reduce((sum, count) => sum + count, 0);
});

tests.test("a word that no page has is not found", async () => {
  const url = `http://${addressOf(search, ENGINE)}/cgi-bin/search?words=${wordOf("z", 0)}`;
  const { stdout } = await rig.in(ASKING[1], `curl -sS '${url}'`, { timeout: TIMEOUT });
  assert.match(stdout, "found 0");
});

tests.test("what was measured is written down", async () => {
  const { pages, readSeconds, answers } = measured;
  const part = (): string =>
    toPart(search, [
      ["pages read, on three servers", `${pages} in ${readSeconds.toFixed(0)} s`],
      [`answers to two hosts in ${SECONDS} s`, String(answers)],
    ]);
  console.log(`  ${writeDown(search, measured, forDocs(part))}`);
});

tests.run();
