/** The figures of `torture scale`, as data and as a table. */
import type { InstanceResult } from '../../results/schema.ts'
import { median } from '../../results/statistics.ts'
import type { Cell } from '../plan/scale.ts'

type Value = string | number | boolean | null | readonly number[]
/** One figure: the scenario as `policy`, threads, the row's labels, the rate, the share, what the repeats ranged over. */
export type Figure = Readonly<Record<string, Value>>

/** More of its time than this in the cgroup's brake, and a figure says nothing. */
const MOST_THROTTLED = 0.05

export function throttled(result: InstanceResult): boolean {
  return (result.throttled ?? 0) > MOST_THROTTLED
}

/** Median of the repeats, with what they ranged over, which holds the true median with 94%; null where none passed. */
export function figures(cells: readonly Cell[], measured: ReadonlyMap<string, InstanceResult>): Figure[] {
  return cells.map(({ scenario, row, threads, instances }) => {
    const { rate, share } = scenario.scale!
    const passed = instances.flatMap(name => {
      const result = measured.get(name)
      return result?.verdict === 'pass' ? [result] : []
    })
    const rates = passed.map(result => result.rates[rate.counter] ?? 0).sort((a, b) => a - b)
    const shares = share && passed.map(({ counters }) => (counters[share.part] ?? 0) / (counters[share.of] ?? 0))
    return {
      policy: scenario.name,
      threads,
      ...row.labels,
      [rate.name]: median(rates) ?? null,
      ...(share && { [share.name]: median((shares ?? []).filter(Number.isFinite)) ?? null }),
      range: rates.length === 0 ? [] : [rates[0], rates[rates.length - 1]],
    }
  })
}

/** Columns as wide as their widest cell; numbers to the right. */
export function printTable(table: readonly Figure[]): string {
  const columns = [...new Set(table.flatMap(figure => Object.keys(figure)))]
  const rows = table.map(figure => columns.map(column => show(column, figure[column])))
  const widths = columns.map((column, n) => Math.max(column.length, ...rows.map(row => row[n].length)))
  const line = (cells: readonly string[], right: readonly boolean[]) =>
    `${cells.map((cell, n) => (right[n] ? cell.padStart(widths[n]) : cell.padEnd(widths[n]))).join('  ')}`.trimEnd()
  const right = columns.map(column => table.some(figure => typeof figure[column] === 'number'))
  return `${[line(columns, right), ...rows.map(row => line(row, right))].join('\n')}\n`
}

function show(column: string, value: Value | undefined): string {
  if (value === undefined || value === null) return '-'
  if (Array.isArray(value)) return value.map(n => String(Math.round(n))).join(' to ')
  if (typeof value !== 'number') return String(value)
  return Number.isInteger(value) && column === 'threads'
    ? String(value)
    : value <= 1
      ? value.toFixed(4)
      : String(Math.round(value))
}
