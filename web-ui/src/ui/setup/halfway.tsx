// SPDX-License-Identifier: Apache-2.0
/** The way back to a setup that was left half-way, on all other pages. */
import { href } from "../../core/router.ts";
import { leaveSetup } from "../../core/steps.ts";
import { strings } from "../../strings.ts";

export function HalfwayBanner() {
  return (
    <section class="notice warn" aria-label={strings.setup.title} data-testid="setup-halfway">
      <p>{strings.setup.halfway}</p>
      <div class="buttons">
        <a class="button main" href={href("setup")}>
          {strings.setup.goOn}
        </a>
        <button type="button" onClick={leaveSetup}>
          {strings.setup.leave}
        </button>
      </div>
    </section>
  );
}
