// SPDX-License-Identifier: Apache-2.0
/** Who the service runs as. On an appliance the number is fixed, on a host it is whatever was free. */
import { ScsigateError } from "../shared/errors.ts";
import type { ServiceUser } from "./context.ts";

const NAME = "scsigate";

/** @param passwd text of /etc/passwd */
export function findServiceUser(passwd: string): ServiceUser {
  const fields = passwd
    .split("\n")
    .map((line) => line.split(":"))
    .find(([name]) => name === NAME);
  const [uid, gid] = [Number(fields?.[2]), Number(fields?.[3])];
  if (fields !== undefined && Number.isInteger(uid) && Number.isInteger(gid) && uid > 0) return { uid, gid };
  throw new ScsigateError(
    "user-missing",
    `there is no user ${NAME}`,
    `Make one: adduser --system --group --no-create-home ${NAME}`,
  );
}
