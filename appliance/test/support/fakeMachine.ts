// SPDX-License-Identifier: Apache-2.0
/**
 * A machine that remembers: interfaces, addresses, bridges and programs change as the executor's command lines say, so
 * that a test can compare the state after a series of plans instead of the command lines.
 */
import { existsSync, readdirSync, symlinkSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { Executor } from "../../src/executor/executor.ts";
import type { GroupResult, Plan } from "../../src/protocol/operations.ts";
import { systemClock } from "../../src/shared/clock.ts";
import { type TestExecutor, testExecutor } from "./executor.ts";
import { writeLink, writeSegment } from "./tree.ts";

const ETHERNETS: Record<string, string> = { eth0: "52:54:00:00:00:01", eth1: "52:54:00:00:00:02" };

export class FakeMachine {
  readonly test: TestExecutor;
  readonly #links = new Set<string>();
  readonly #addresses = new Map<string, string[]>();
  readonly #masters = new Map<string, string>();
  /** Addresses that each interface answers for. */
  readonly #proxied = new Map<string, Set<string>>();
  /** Gateways of each VXLAN. */
  readonly #flooded = new Map<string, string[]>();
  /** What `wg` was given, by interface. */
  readonly #tunnels = new Map<string, string>();
  /** Rules of routing by their places, and routes that are in tables of their own. */
  readonly #rules = new Map<number, string>();
  #routes: string[] = [];
  /** Segments whose carrier is switched off. */
  readonly #unplugged = new Set<string>();
  /** The last set of rules that was loaded. */
  rules = "";
  #executor: Executor;

  constructor() {
    this.test = testExecutor();
    const { context, tree } = this.test;
    for (const [name, address] of Object.entries(ETHERNETS)) {
      writeLink(tree, name, { index: this.#links.size + 2, address });
      this.#add(name);
    }
    tree.write({ "sys/module/ipscsi/x": 1, "sys/module/configfs/x": 1, "sys/module/target_core_mod/x": 1 });
    tree.write({ "sys/module/ipscsi_target/x": 1, "sys/module/iscsi_target_mod/x": 1, "sys/module/tcm_loop/x": 1 });
    tree.write({
      "sys/module/ip_gre/x": 1,
      "sys/module/vxlan/x": 1,
      "sys/module/wireguard/x": 1,
      "sys/module/target_core_file/x": 1,
    });
    tree.write({ "driver.img": "a file system" });
    tree.write({ "proc/mounts": `configfs ${tree.root}/sys/kernel/config configfs rw 0 0` });
    context.clock = { ...systemClock, after: (_milliseconds, callback) => systemClock.after(0, callback) };
    context.run = async (file, args, options) => this.#command(file, args, options?.input ?? "");
    context.processes.startDetached = async (file, args) => {
      const name = args[args.indexOf("-i") + 1] ?? "";
      this.#program(`${file}-${name}`, name);
      this.#addresses.set(name, [...(this.#addresses.get(name) ?? []), "192.168.77.2/24"]);
      return 1;
    };
    context.processes.find = async (pidFile) => (this.test.running.has(this.#relative(pidFile)) ? 4711 : undefined);
    context.processes.stop = async () => {};
    this.#executor = new Executor(context, () => {});
  }

  apply(plan: Plan): Promise<GroupResult[]> {
    return new Promise((resolve, reject) => {
      this.#executor.handle({ type: "apply", id: 1, plan }, (reply) => {
        if (reply.type === "applied") resolve(reply.groups);
        else reject(new Error(JSON.stringify(reply)));
      });
    });
  }

  /** Everything that forwarding depends on. */
  get state(): object {
    const value = (name: string, key: string) => this.test.tree.read(`proc/sys/net/ipv4/conf/${name}/${key}`);
    const programs = [...this.test.running.keys()].filter((path) => this.test.tree.exists(path));
    return {
      links: [...this.#links].sort().map((name) => ({
        name,
        addresses: [...(this.#addresses.get(name) ?? []), ...(this.#addresses.get(`${name}/6`) ?? [])],
        master: this.#masters.get(name) ?? null,
        proxyArp: value(name, "proxy_arp"),
        proxied: [...(this.#proxied.get(name) ?? [])].sort(),
        flooded: this.#flooded.get(name) ?? null,
        unplugged: this.#unplugged.has(name),
      })),
      programs: programs.sort(),
      notes: this.#notes(),
      targets: [...this.test.targetFs.folders]
        .filter((path) => /^(iscsi|loopback|core\/(ipscsi|fileio)_0)\/[^/]+$/.test(path))
        .sort(),
      forwarding6: this.test.tree.read("proc/sys/net/ipv6/conf/all/forwarding"),
      bird: this.test.tree.read("run/scsigate/bird.conf")?.replaceAll(this.test.tree.root, "") ?? null,
      chrony: this.test.tree.read("run/scsigate/chrony.conf")?.replaceAll(this.test.tree.root, "") ?? null,
      avahi: this.test.tree.read("run/scsigate/avahi/avahi-daemon.conf") ?? null,
      wireguard: [...this.#tunnels].map(([name, text]) => [name, text.replace(/^PrivateKey = .{44}$/m, "")]),
      policy: { rules: [...this.#rules].sort(), routes: [...this.#routes].sort() },
      rules: this.rules,
    };
  }

  dispose(): void {
    this.test.tree.dispose();
  }

  /** What the executor holds for its own. */
  #notes(): string[] {
    const folder = join(this.test.tree.root, "run/scsigate/ours");
    const entries = existsSync(folder) ? readdirSync(folder, { recursive: true, withFileTypes: true }) : [];
    return entries
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name).slice(folder.length + 1))
      .sort();
  }

  #add(name: string): void {
    this.#links.add(name);
    this.test.tree.write({
      [`proc/sys/net/ipv4/conf/${name}/promote_secondaries`]: 0,
      [`proc/sys/net/ipv4/conf/${name}/proxy_arp`]: 0,
      [`proc/sys/net/ipv4/conf/${name}/send_redirects`]: 1,
      [`proc/sys/net/ipv6/conf/${name}/accept_ra`]: 1,
      [`proc/sys/net/ipv6/conf/${name}/proxy_ndp`]: 0,
    });
  }

  #program(name: string, _interface: string): void {
    this.#running(`run/scsigate/${name}.pid`);
  }

  #running(path: string): void {
    this.test.tree.write({ [path]: 4711 });
    this.test.running.set(path, "");
  }

  #relative(path: string): string {
    // A program whose pid file was removed has ended.
    const relative = path.slice(this.test.tree.root.length + 1);
    if (!this.test.tree.exists(relative)) this.test.running.delete(relative);
    return relative;
  }

  #command(file: string, args: readonly string[], input: string): string {
    const text = args.join(" ");
    const after = (word: string) => args[args.indexOf(word) + 1] ?? "";
    if (file === "nft" && args[0] !== "-f") return ""; // a table of another mode goes
    if (file === "nft") this.rules = this.test.tree.read(args[1]?.slice(this.test.tree.root.length + 1) ?? "") ?? "";
    else if (file === "dnsmasq") this.#program(/(dnsmasq-\w+)\.conf$/.exec(text)?.[1] ?? "", "");
    else if (file === "chronyd") this.#program("chronyd", "");
    else if (file === "avahi-daemon") this.#running("run/avahi-daemon/pid");
    else if (file === "snmpd") this.#program("snmpd", "");
    else if (file === "lldpd") this.#running("run/lldpd.pid");
    else if (file === "bird" && args.includes("-P")) this.#program("bird/bird", "");
    else if (file === "bird" || file === "birdcl" || file === "chown") return "";
    else if (file === "bridge") return this.#bridge(args);
    else if (file === "wg") this.#wireguard(args);
    else if (/^(-j )?-4 (rule|route) .*(show|table|lookup)/.test(text)) return this.#policy(args, after);
    else if (text.endsWith("route flush proto bird") || /^-[46] neighbour flush dev/.test(text)) return "";
    else if (file !== "ip") throw new Error(`unexpected: ${file} ${text}`);
    else if (text.startsWith("-j -4 address show")) return this.#show(after("dev"));
    else if (text.startsWith("-j -6 address show")) return this.#show(`${after("dev")}/6`);
    else if (text.startsWith("-j -6 neighbour show proxy")) {
      return JSON.stringify([...(this.#proxied.get(after("dev")) ?? [])].map((dst) => ({ dst })));
    } else if (text === "-6 -batch -") this.#neighbours(input);
    else if (text.startsWith("-6 address replace")) this.#address6(after("dev"), () => [after("replace")]);
    else if (text.startsWith("-6 address add")) this.#address6(after("dev"), (list) => [...list, after("add")]);
    else if (text.startsWith("-6 address del")) {
      this.#address6(after("dev"), (list) => list.filter((entry) => entry !== after("del")));
    } else if (text.startsWith("-4 address add")) this.#address(after("dev"), (list) => [...list, after("add")]);
    else if (text.startsWith("-4 address del")) {
      this.#address(after("dev"), (list) => list.filter((entry) => entry !== after("del")));
    } else if (text.startsWith("-4 address flush")) this.#address(after("dev"), () => []);
    else if (text.startsWith("link add"))
      this.#create(after("name"), text.includes(" address ") ? after("address") : "02:00:00:00:00:01", after("type"));
    else if (text.startsWith("link del")) this.#delete(after("dev"));
    else if (args.includes("master")) this.#enslave(after("dev"), after("master"));
    else if (/^link set dev \S+ up$/.test(text)) this.test.tree.write({ [`sys/class/net/${after("dev")}/flags`]: 1 });
    else if (/^link set dev \S+ carrier (on|off)$/.test(text)) this.#carrier(after("dev"), after("carrier"));
    else throw new Error(`unexpected: ip ${text}`);
    return "";
  }

  /** Takes a file whose name says nothing of what is in it. */
  #wireguard([action, name = "", file = ""]: readonly string[]): void {
    if (action !== "syncconf" || !this.#links.has(name)) throw new Error(`unexpected: wg ${action} ${name}`);
    this.#tunnels.set(name, this.test.tree.read(file.slice(this.test.tree.root.length + 1)) ?? "");
  }

  /** Routing by rules. */
  #policy(args: readonly string[], after: (word: string) => string): string {
    const [family, what, action] = args.filter((word) => word !== "-j");
    if (family !== "-4") throw new Error(`unexpected: ip ${args.join(" ")}`);
    if (what === "rule") {
      const place = Number(after("pref"));
      if (action === "add" && this.#rules.has(place)) throw new Error("File exists");
      if (action === "add") this.#rules.set(place, args.slice(args.indexOf("pref") + 2).join(" "));
      if (action === "del" && !this.#rules.delete(place)) throw new Error("No such file");
      return JSON.stringify([...this.#rules].map(([priority, rule]) => ({ priority, table: rule.split(" ").at(-1) })));
    }
    const table = after("table");
    if (action === "flush") this.#routes = this.#routes.filter((route) => !route.endsWith(` table ${table}`));
    if (action === "add") this.#routes.push(args.slice(3).join(" "));
    const shown = this.#routes.filter((route) => route.endsWith(` table ${table}`));
    if (action === "show" && shown.length === 0) throw new Error("FIB table does not exist");
    return shown.map((route) => `${route.replace("/32", "").replace(/ table .*/, "")} \n`).join("");
  }

  #neighbours(input: string): void {
    for (const [, action, address = "", name = ""] of input.matchAll(/neighbour (add|del) proxy (\S+) dev (\S+)/g)) {
      const list = this.#proxied.get(name) ?? new Set();
      if (action === "add") list.add(address);
      else if (!list.delete(address)) throw new Error(`${name} does not answer for ${address}`);
      this.#proxied.set(name, list);
    }
  }

  /** The forwarding table of a VXLAN. */
  #bridge(args: readonly string[]): string {
    const after = (word: string) => args[args.indexOf(word) + 1] ?? "";
    const list = this.#flooded.get(after("dev")) ?? [];
    if (args.includes("append")) this.#flooded.set(after("dev"), [...list, after("dst")]);
    const left = list.filter((peer) => peer !== after("dst"));
    if (args.includes("del")) this.#flooded.set(after("dev"), left);
    return JSON.stringify(list.map((dst) => ({ mac: "00:00:00:00:00:00", dst })));
  }

  #carrier(name: string, become: string): void {
    if (!this.test.tree.exists(`sys/class/net/${name}/ipscsi`)) throw new Error("Operation not supported");
    if (become === "off") this.#unplugged.add(name);
    else this.#unplugged.delete(name);
  }

  #show(key: string): string {
    const [name, six] = key.split("/");
    const info = (this.#addresses.get(key) ?? []).map((entry) => {
      const [local, prefix] = entry.split("/");
      return { family: six === undefined ? "inet" : "inet6", local, prefixlen: Number(prefix), scope: "global" };
    });
    return JSON.stringify([{ ifname: name, addr_info: info }]);
  }

  #address(name: string, change: (list: string[]) => string[]): void {
    if (!this.#links.has(name)) throw new Error(`no device ${name}`);
    this.#addresses.set(name, change(this.#addresses.get(name) ?? []));
  }

  #address6(name: string, change: (list: string[]) => string[]): void {
    const key = `${name}/6`;
    this.#addresses.set(key, change(this.#addresses.get(key) ?? []));
  }

  #create(name: string, address: string, type: string): void {
    if (this.#links.has(name)) throw new Error(`${name} exists`);
    const link = { index: 10 + this.#links.size, address };
    if (type === "ipscsi") writeSegment(this.test.tree, name, link);
    else {
      writeLink(this.test.tree, name, { ...link, physical: false });
      if (type === "bridge") this.test.tree.write({ [`sys/class/net/${name}/bridge/stp_state`]: 0 });
      if (type !== "bridge") this.test.tree.write({ [`sys/class/net/${name}/flags`]: 0 });
    }
    this.#add(name);
  }

  #delete(name: string): void {
    if (!this.#links.delete(name)) throw new Error(`no device ${name}`);
    this.test.tree.remove(`sys/class/net/${name}`);
    this.#addresses.delete(name);
    this.#addresses.delete(`${name}/6`);
    this.#flooded.delete(name);
    this.#tunnels.delete(name);
    this.#routes = this.#routes.filter((route) => !route.includes(` dev ${name} `));
    for (const [port, master] of [...this.#masters]) {
      if (master !== name && port !== name) continue;
      this.#masters.delete(port);
      if (port !== name) unlinkSync(join(this.test.tree.root, `sys/class/net/${port}/master`));
    }
  }

  #enslave(port: string, master: string): void {
    if (!this.#links.has(port) || !this.#links.has(master)) throw new Error(`no device ${port} or ${master}`);
    this.#masters.set(port, master);
    symlinkSync(`../${master}`, join(this.test.tree.root, `sys/class/net/${port}/master`));
  }
}
