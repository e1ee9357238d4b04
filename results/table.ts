/** Columns for a terminal. */
import { fit, width } from './format.ts'

/**
 * Rows as aligned lines, two blanks between columns.
 * @param columns what the terminal is wide; the last cell of a row is cut to it
 */
export function table(rows: readonly (readonly string[])[], columns = Number.POSITIVE_INFINITY): string[] {
  const widths: number[] = []
  for (const row of rows) {
    for (const [n, cell] of row.entries()) widths[n] = Math.max(widths[n] ?? 0, width(cell))
  }
  return rows.map(row => {
    const padded = row.map((cell, n) => (n === row.length - 1 ? cell : cell + ' '.repeat(widths[n] - width(cell))))
    return fit(padded.join('  ').trimEnd(), columns)
  })
}
