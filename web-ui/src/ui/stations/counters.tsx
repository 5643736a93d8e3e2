// SPDX-License-Identifier: Apache-2.0
/** What the driver counted, by its own names. */
import type { DriverCounters } from "@scsigate/appliance/api";
import * as format from "../../core/format.ts";
import { strings } from "../../strings.ts";
import { Table } from "../table.tsx";

const words = strings.counters;

export function Counters({ counters }: { counters: DriverCounters | null }) {
  return (
    <section class="card" aria-labelledby="counters-title" data-testid="counters">
      <h2 id="counters-title">{words.title}</h2>
      <Table
        caption={words.title}
        columns={[words.counter, words.count]}
        rows={Object.entries(counters ?? {}).map(([name, count]) => [name, format.count(count)])}
        empty={counters === null ? words.unread : words.none}
      />
    </section>
  );
}
