// SPDX-License-Identifier: Apache-2.0
/** Which bundle may take the place of which image. */
import type { BundleInfo, ImageState } from "../../protocol/messages.ts";
import { ScsigateError } from "../../shared/errors.ts";
import { compareVersions } from "../../shared/version.ts";

/** @throws ScsigateError update-wrong-board */
export function checkBoard(bundle: BundleInfo, image: ImageState): void {
  if (bundle.compatible === image.compatible) return;
  throw new ScsigateError(
    "update-wrong-board",
    `the bundle is for ${bundle.compatible}; this gateway is ${image.compatible}`,
    "Get the bundle for this board.",
  );
}

/** Why a bundle is refused unless that is said knowingly; undefined for one that is newer. */
export function downgradeOf(bundle: BundleInfo, image: ImageState): ScsigateError | undefined {
  const order = compareVersions(bundle.version, image.version);
  if (order !== undefined && order > 0) return undefined;
  const what =
    order === undefined
      ? `nobody can tell whether ${bundle.version} is newer than ${image.version}, which runs`
      : order === 0
        ? `version ${bundle.version} runs already`
        : `${bundle.version} is older than ${image.version}, which runs`;
  return new ScsigateError(
    "update-not-newer",
    what,
    "Choose a newer one, or allow it knowingly (--allow-downgrade, allowDowngrade). An older version may not know the " +
      "present settings' form; then it runs with those from before.",
  );
}
