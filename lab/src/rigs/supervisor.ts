// SPDX-License-Identifier: Apache-2.0
// The supervisor's command line, as an owner uses it.
import { LabError } from "../errors.ts";
import { waitFor } from "../time.ts";
import type { Vm } from "../vm/vm.ts";

interface Transaction {
  readonly state: string;
  readonly problems: readonly unknown[];
}

async function transaction(gateway: Vm): Promise<Transaction> {
  const path = "http://gateway/api/v1/config/transaction";
  const socket = "/run/scsigate/service/control.sock";
  return (await gateway.json<{ transaction: Transaction }>(`curl -sf --unix-socket ${socket} ${path}`)).transaction;
}

/** Changes settings, waits until the machine is as they say, and keeps them. */
export async function configure(gateway: Vm, settings: Readonly<Record<string, string>>): Promise<void> {
  const sets = Object.entries(settings).map(([name, value]) => `scsigate config set ${name} '${value}'`);
  await gateway.ok([...sets, "scsigate config apply --confirm-within 300"].join(" && "));
  const { state, problems } = await waitFor(
    `${gateway.name} to carry the change out`,
    async () => {
      const now = await transaction(gateway);
      return now.state !== "applying" && now;
    },
    { timeout: 60_000 },
  );
  if (state !== "waiting" || problems.length > 0) {
    const what = `${gateway.name} did not take the change: ${state} ${JSON.stringify(problems)}`;
    throw new LabError("command-failed", what, "Look at its console.");
  }
  await gateway.ok("scsigate config confirm");
}
