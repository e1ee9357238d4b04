/** The focus as people write and read it: `--focus 'vma[*].*'`, `vma[*].vm_lock_seq`. */
import type { Names } from '../report/names.ts'

export interface FocusedCell {
  readonly address: number
  readonly bytes: number
}

const MOST_NAMES = 40

/** Whether a cell is wanted: all are if there is no pattern. `*` stands for anything but nothing else is special. */
export function matcher(patterns: readonly string[], names: Names): (address: number) => boolean {
  if (patterns.length === 0) return () => true
  const tests = patterns.map(pattern => {
    const parts = pattern.split('*').map(part => part.replace(/[.[\]\\^$+?(){}|]/g, '\\$&'))
    return new RegExp(`^${parts.join('.*')}$`)
  })
  return address => {
    const name = names.cell(address)
    return tests.some(test => test.test(name))
  }
}

/** Names without their numbers, each once, in the order of the cells. */
export function summary(cells: readonly FocusedCell[], names: Names): string[] {
  // Views of several types may have a cell at the same address.
  const exact = [...new Set(cells.map(({ address }) => names.cell(address)))]
  if (exact.length <= 12) return exact
  const folded = [...new Set(exact.map(name => name.replace(/\[\d+\]/g, '[*]')))]
  const more = folded.length - MOST_NAMES
  return more > 0 ? [...folded.slice(0, MOST_NAMES), `and ${more} more`] : folded
}
