/** Columns as wide as their widest cell, two spaces between, and nothing after the last. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, cell.length);
  }
  const line = (row: readonly string[]) =>
    row.map((cell, index) => cell.padEnd(widths[index]!)).join("  ").trimEnd();
  return rows.map((row) => `${line(row)}\n`).join("");
}
