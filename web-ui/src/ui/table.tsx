// SPDX-License-Identifier: Apache-2.0
/** A table of texts; on narrow screens each row becomes a block of its own. */

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
    // biome-ignore lint/a11y/noRedundantRoles: see above
    <table class="stations plain" role="table">
      <caption class="visually-hidden">{caption}</caption>
      {/* biome-ignore lint/a11y/noRedundantRoles: see above */}
      <thead role="rowgroup">
        {/* biome-ignore lint/a11y/noRedundantRoles: see above */}
        <tr role="row">
          {columns.map((column) => (
            // biome-ignore lint/a11y/noRedundantRoles: see above
            <th key={column} scope="col" role="columnheader">
              {column}
            </th>
          ))}
        </tr>
      </thead>
      {/* biome-ignore lint/a11y/noRedundantRoles: see above */}
      <tbody role="rowgroup">
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
      </tbody>
    </table>
  );
}
