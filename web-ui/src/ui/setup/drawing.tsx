// SPDX-License-Identifier: Apache-2.0
/** What each gateway mode does, as a drawing: two stations on a bus, the gateway, the LAN. One colour is one network. */
import type { Mode } from "./addresses.ts";

/** Colours of the segment and of the LAN, as classes. */
const SEGMENT: Record<Mode, string> = { routed: "own", nat: "own", proxy: "lan", bridge: "lan", mesh: "own" };

export function Drawing({ mode }: { mode: Mode }) {
  const segment = SEGMENT[mode];
  return (
    <svg class="drawing" viewBox="0 0 240 84" aria-hidden="true" focusable="false">
      <path class={`net ${segment}`} d="M20 62H88" />
      <path class={`net ${segment} thin`} d="M34 62V38M66 62V38" />
      <Host x={22} segment={segment} />
      <Host x={54} segment={segment} />
      <path class="net lan" d={mode === "mesh" ? "M152 62H190" : "M152 62H220"} />
      {mode === "mesh" ? <OtherGateway /> : <LanHost />}
      {mode === "bridge" ? (
        <path class="net lan" d="M88 62H152" />
      ) : (
        <path class="thin net plain" d="M88 62H102M138 62H152" />
      )}
      <rect class="box" x="102" y="44" width="36" height="34" rx="5" />
      {mode === "routed" && <path class="sign" d="M110 56H130M125 51L130 56L125 61M130 68H110M115 63L110 68L115 73" />}
      {mode === "nat" && (
        <>
          <path class="sign" d="M110 61H130M125 56L130 61L125 66" />
          <circle class="dot lan" cx="152" cy="62" r="6" />
        </>
      )}
      {mode === "proxy" && (
        <>
          <path class="sign" d="M110 61H130M115 56L110 61L115 66M125 56L130 61L125 66" />
          <path class="frame" d="M12 16H224V47H12Z" />
        </>
      )}
      {mode === "mesh" && <path class="frame" d="M138 52H190M146 47L138 52L146 57M182 47L190 52L182 57" />}
    </svg>
  );
}

function LanHost() {
  return (
    <>
      <path class="net lan thin" d="M204 62V38" />
      <Host x={192} segment="lan" />
    </>
  );
}

function OtherGateway() {
  return (
    <>
      <path class="net own thin" d="M208 46V30" />
      <Host x={196} segment="own" />
      <rect class="box" x="190" y="44" width="36" height="34" rx="5" />
    </>
  );
}

function Host({ x, segment }: { x: number; segment: string }) {
  return <rect class={`host ${segment}`} x={x} y="24" width="24" height="16" rx="3" />;
}
