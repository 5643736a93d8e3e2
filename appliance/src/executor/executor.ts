// SPDX-License-Identifier: Apache-2.0
/** Carries out the service's requests, one at a time, after its own check of them. */
import { validateRequest } from "#request-validator";
import type { Reply, Request } from "../protocol/messages.ts";
import { type GroupResult, type Operation, type PlanGroup, withoutPasswords } from "../protocol/operations.ts";
import { ScsigateError, toProblem } from "../shared/errors.ts";
import { BootPartition } from "./bootPartition.ts";
import { Captures } from "./capture.ts";
import type { ExecutorContext } from "./context.ts";
import { forgetOwner } from "./forget.ts";
import { giveLines } from "./gpio.ts";
import { inspect } from "./inspect.ts";
import { readLatency } from "./latency.ts";
import { setAdapter } from "./operations/adapter.ts";
import { setBridge, setBridgePort, setExtension } from "./operations/bridge.ts";
import { setClaim } from "./operations/claim.ts";
import { LeaseTexts, setDhcpClient, setDnsmasq, shiftLeases } from "./operations/dhcp.ts";
import { setDriverDisk } from "./operations/driverDisk.ts";
import { listFirewall, removeFirewall, setFirewall } from "./operations/firewall.ts";
import {
  loadModules,
  mountConfigfs,
  setHostname,
  setInterfaceSysctl,
  setSysctl,
  setTimeZone,
} from "./operations/kernel.ts";
import { setLldp } from "./operations/lldp.ts";
import { setMdns } from "./operations/mdns.ts";
import { readMesh, setMesh, setTunnel } from "./operations/mesh.ts";
import {
  setAddress,
  setAddress6,
  setLink,
  setNameServers,
  setNoAddress,
  setProxyNeighbours,
  setResolver,
  setRoute,
  setStaticRoutes,
} from "./operations/network.ts";
import { prune } from "./operations/prune.ts";
import { setRenewal } from "./operations/renewal.ts";
import { setSnmp } from "./operations/snmp.ts";
import { setSsh } from "./operations/ssh.ts";
import { setStationFilter } from "./operations/stationFilter.ts";
import { setBackstore, setIscsiTarget, setLoopTarget, setPortTarget } from "./operations/target.ts";
import { setTimeKeeper } from "./operations/timeKeeper.ts";
import { setVlan } from "./operations/vlan.ts";
import { readWireguard, setWireguard } from "./operations/wireguard.ts";
import { ping } from "./ping.ts";
import { isUpdateRequest, Updater } from "./update/updater.ts";

export class Executor {
  readonly #context: ExecutorContext;
  readonly #onReady: () => void;
  readonly #captures: Captures;
  readonly #updater: Updater;
  readonly #boot: BootPartition;
  /** The last failure of each group, so that a retry every few seconds does not fill the log with it. */
  readonly #failures = new Map<string, string>();
  #queue: Promise<void> = Promise.resolve();
  #lines: Promise<void> = Promise.resolve();
  /** As of the last look at a clock that was not set meanwhile. */
  readonly #leases: LeaseTexts;
  /** How often the clock was set without the lease files having followed yet: until then, they are no source. */
  #lateSteps = 0;

  /** @param onReady called when the service says that it works. */
  constructor(context: ExecutorContext, onReady: () => void) {
    this.#context = context;
    this.#leases = new LeaseTexts(context.paths);
    this.#onReady = onReady;
    this.#captures = new Captures(context);
    this.#updater = new Updater(context);
    this.#boot = new BootPartition(context);
  }

  /** Looks at the image that runs; gives it up where it never runs well. */
  start(): Promise<void> {
    return this.#updater.start(() => this.#restartMachine());
  }

  stop(): void {
    this.#updater.stop();
  }

  /** The wall clock was not set since the last look. */
  clockCalm(): void {
    if (this.#lateSteps === 0) this.#leases.look();
  }

  /** The wall clock was set. @param milliseconds forward; less than 0: back */
  clockStepped(milliseconds: number): void {
    const seconds = Math.round(milliseconds / 1000);
    this.#context.log.warn({ seconds }, "the clock was set: leases follow it");
    const leases = this.#leases.texts;
    this.#leases.move(seconds);
    this.#lateSteps += 1;
    this.#queue = this.#queue.then(async () => {
      await shiftLeases(seconds, this.#context, leases).catch((error: unknown) =>
        this.#context.log.error({ problem: toProblem(error) }, "leases do not follow the clock"),
      );
      this.#lateSteps -= 1;
    });
  }

  /**
   * @param message whatever came over the channel.
   * @param reply sends an answer back.
   */
  handle(message: unknown, reply: (answer: Reply) => void): void {
    if (!validateRequest(message)) {
      const first = validateRequest.errors?.[0];
      const what = `${first?.instancePath ?? ""} ${first?.message ?? "is not a request"}`.trim();
      this.#context.log.error({ what }, "request refused");
      const error = new ScsigateError("executor-refused", `request refused: ${what}`, "Report this: it is a defect.");
      reply({ type: "refused", id: idOf(message), problem: toProblem(error) });
      return;
    }
    const request = message as Request; // just checked
    if (request.type === "ready") {
      this.#onReady();
      return;
    }
    if (request.type === "alive") return; // it is enough that it came: see serviceProcess.ts
    if (request.type === "latency") {
      // Not in the queue: a plan may take minutes, and reading changes nothing.
      const { id } = request;
      void readLatency(this.#context.paths.sys).then((devices) => reply({ type: "latency", id, devices }));
      return;
    }
    // Checks and recordings change nothing either.
    if (request.type === "ping") {
      void ping(request, this.#context).then(reply);
      return;
    }
    if (request.type === "inspect") {
      const { id } = request;
      void inspect(this.#context).then((files) => reply({ type: "inspected", id, files }));
      return;
    }
    if (request.type === "capture") {
      this.#captures.start(request, reply);
      return;
    }
    if (request.type === "stopCapture") {
      this.#captures.stop();
      return;
    }
    if (request.type === "mesh") {
      const { id } = request;
      void readMesh(this.#context).then((answers) => reply({ type: "mesh", id, answers }));
      return;
    }
    if (request.type === "gpio") {
      // One after the other, and beside the plans: a panel has nothing to do with the network.
      this.#lines = this.#lines.then(async () => {
        reply({ type: "gpio", id: request.id, lines: await giveLines(request.lines, this.#context) });
      });
      return;
    }
    if (request.type === "wireguard") {
      const { id } = request;
      void readWireguard(this.#context).then((answers) => reply({ type: "wireguard", id, answers }));
      return;
    }
    if (request.type === "firewallCounters") {
      const { id } = request;
      void listFirewall(this.#context).then((text) => reply({ type: "firewallCounters", id, text }));
      return;
    }
    if (isUpdateRequest(request)) {
      // Beside the plans: writing an image takes minutes, and what was lost meanwhile is to be healed.
      void this.#updater.handle(request, reply);
      return;
    }
    if (request.type === "boot") {
      const { id, change } = request;
      void this.#boot.handle(change).then(
        (facts) => reply({ type: "boot", id, facts }),
        (error: unknown) => reply({ type: "refused", id, problem: toProblem(error) }),
      );
      return;
    }
    if (request.type === "forget") {
      // In the queue: a plan under way is not to bring back what goes.
      this.#queue = this.#queue.then(() => this.#forget(request.id, reply));
      return;
    }
    if (request.type === "reboot") {
      // In the queue: half a plan is not to be cut off.
      this.#queue = this.#queue.then(() => this.#reboot(request.id, reply));
      return;
    }
    this.#queue = this.#queue.then(async () => {
      const groups: GroupResult[] = [];
      for (const group of request.plan.groups) {
        const needed = groups.filter(({ name }) => group.needs?.includes(name) === true);
        const skip = needed.some(({ failure, skipped }) => failure !== undefined || skipped === true);
        groups.push(skip ? { name: group.name, changed: 0, skipped: true } : await this.#applyGroup(group));
      }
      reply({ type: "applied", id: request.id, groups });
    });
  }

  async #reboot(id: number, reply: (answer: Reply) => void): Promise<void> {
    if (this.#updater.busy) {
      const nextStep = "Wait until it has ended.";
      const error = new ScsigateError("update-busy", "an update is being installed", nextStep);
      reply({ type: "refused", id, problem: toProblem(error) });
      return;
    }
    await this.#restartMachine().then(
      () => reply({ type: "rebooting", id }),
      (error: unknown) => reply({ type: "refused", id, problem: toProblem(error) }),
    );
  }

  async #restartMachine(): Promise<void> {
    this.#context.log.warn("the machine is restarted");
    await this.#context.run("reboot", []);
  }

  async #forget(id: number, reply: (answer: Reply) => void): Promise<void> {
    await forgetOwner(this.#context).then(
      () => reply({ type: "forgotten", id }),
      (error: unknown) => reply({ type: "refused", id, problem: toProblem(error) }),
    );
  }

  async #applyGroup(group: PlanGroup): Promise<GroupResult> {
    const log = this.#context.log;
    let changed = 0;
    for (const operation of group.operations) {
      try {
        if (await perform(operation, this.#context)) {
          changed += 1;
          log.info({ group: group.name, operation: withoutPasswords(operation) }, "changed");
        }
      } catch (error) {
        const problem = toProblem(error);
        const level = this.#failures.get(group.name) === problem.message ? "debug" : "error";
        log[level]({ group: group.name, operation: withoutPasswords(operation), problem }, "operation failed");
        this.#failures.set(group.name, problem.message);
        return { name: group.name, changed, failure: { kind: operation.kind, problem } };
      }
    }
    this.#failures.delete(group.name);
    return { name: group.name, changed };
  }
}

function perform(operation: Operation, context: ExecutorContext): Promise<boolean> {
  switch (operation.kind) {
    case "modules":
      return loadModules(operation, context);
    case "configfs":
      return mountConfigfs(operation, context);
    case "claim":
      return setClaim(operation, context);
    case "noFirewall":
      return removeFirewall(context);
    case "hostname":
      return setHostname(operation, context);
    case "timeZone":
      return setTimeZone(operation, context);
    case "timeKeeper":
      return setTimeKeeper(operation, context);
    case "ssh":
      return setSsh(operation, context);
    case "mdns":
      return setMdns(operation, context);
    case "lldp":
      return setLldp(operation, context);
    case "snmp":
      return setSnmp(operation, context);
    case "adapter":
      return setAdapter(operation, context);
    case "link":
      return setLink(operation, context);
    case "address":
      return setAddress(operation, context);
    case "address6":
      return setAddress6(operation, context);
    case "route":
      return setRoute(operation, context);
    case "staticRoutes":
      return setStaticRoutes(operation, context);
    case "nameServers":
      return setNameServers(operation, context);
    case "resolver":
      return setResolver(operation, context);
    case "sysctl":
      return setSysctl(operation, context);
    case "interfaceSysctl":
      return setInterfaceSysctl(operation, context);
    case "firewall":
      return setFirewall(operation, context);
    case "bridge":
      return setBridge(operation, context);
    case "vlan":
      return setVlan(operation, context);
    case "bridgePort":
      return setBridgePort(operation, context);
    case "extension":
      return setExtension(operation, context);
    case "wireguard":
      return setWireguard(operation, context);
    case "tunnel":
      return setTunnel(operation, context);
    case "mesh":
      return setMesh(operation, context);
    case "proxyNeighbours":
      return setProxyNeighbours(operation, context);
    case "noAddress":
      return setNoAddress(operation, context);
    case "prune":
      return prune(operation, context);
    case "dhcpClient":
      return setDhcpClient(operation, context);
    case "dnsmasq":
      return setDnsmasq(operation, context);
    case "stationFilter":
      return setStationFilter(operation, context);
    case "renewal":
      return setRenewal(operation, context);
    case "backstore":
      return setBackstore(operation, context);
    case "driverDisk":
      return setDriverDisk(operation, context);
    case "iscsiTarget":
      return setIscsiTarget(operation, context);
    case "portTarget":
      return setPortTarget(operation, context);
    case "loopTarget":
      return setLoopTarget(operation, context);
  }
}

function idOf(message: unknown): number {
  if (typeof message === "object" && message !== null && "id" in message && typeof message.id === "number") {
    return message.id;
  }
  return -1;
}
