// SPDX-License-Identifier: Apache-2.0
/** A table of texts; on narrow screens each row becomes a block of its own. */
import type { ComponentChildren } from "preact";

interface TableProps {
  caption: string;
  columns: readonly string[];
  rows: readonly (readonly string[])[];
  /** Said where there is no row. */
  empty: string;
}

/** Roles are written out because the narrow layout changes how table elements are displayed. */
export function Table({ caption, columns, rows, empty }: TableProps) {
  if (rows.length === 0) return <p class="empty">{empty}</p>;
  return (
    <TableFrame kind="plain" caption={caption} head={<Heads columns={columns} />}>
      {rows.map((row) => (
        // biome-ignore lint/a11y/noRedundantRoles: see above
        <tr key={row.join(" ")} role="row">
          {row.map((cell, index) => (
            // biome-ignore lint/a11y/noRedundantRoles: see above
            <td key={columns[index]} role="cell" data-label={columns[index]}>
              <div class="cell">{cell}</div>
            </td>
          ))}
        </tr>
      ))}
    </TableFrame>
  );
}

interface TableFrameProps {
  /** A class beside that of all tables. */
  kind?: string;
  caption: string;
  /** The row of headings. */
  head: ComponentChildren;
  /** Rows. */
  children: ComponentChildren;
}

/** What all tables have; roles as above. */
export function TableFrame({ kind = "", caption, head, children }: TableFrameProps) {
  return (
    // biome-ignore lint/a11y/noRedundantRoles: see above
    <table class={`stations ${kind}`.trim()} role="table">
      <caption class="visually-hidden">{caption}</caption>
      {/* biome-ignore lint/a11y/noRedundantRoles: see above */}
      <thead role="rowgroup">
        {/* biome-ignore lint/a11y/noRedundantRoles: see above */}
        <tr role="row">{head}</tr>
      </thead>
      {/* biome-ignore lint/a11y/noRedundantRoles: see above */}
      <tbody role="rowgroup">{children}</tbody>
    </table>
  );
}

/** Headings that are texts. */
export function Heads({ columns }: { columns: readonly string[] }) {
  return (
    <>
      {columns.map((column) => (
        // biome-ignore lint/a11y/noRedundantRoles: see above
        <th key={column} scope="col" role="columnheader">
          {column}
        </th>
      ))}
    </>
  );
}
