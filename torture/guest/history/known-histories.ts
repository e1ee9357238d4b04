/**
 * Histories that were found to be linearizable, in full: tiny rounds come to the same few again and again, and to compare
 * is a hundred times less work than to search.
 */

/** Prints that are kept; beyond, they are forgotten and the next ones are kept. */
const MOST = 4096

export class KnownHistories {
  readonly #byHash = new Map<number, Float64Array[]>()
  #size = 0

  /** @param print numbers that stand for one history only */
  has(print: Float64Array): boolean {
    const known = this.#byHash.get(hashOf(print))
    return known?.some(other => isSame(other, print)) ?? false
  }

  add(print: Float64Array): void {
    if (this.#size === MOST) {
      this.#byHash.clear()
      this.#size = 0
    }
    this.#size++
    const hash = hashOf(print)
    const known = this.#byHash.get(hash)
    if (known === undefined) this.#byHash.set(hash, [print.slice()])
    else known.push(print.slice())
  }
}

function isSame(a: Float64Array, b: Float64Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) return false
  return true
}

/** FNV-1a, by number instead of by byte. */
function hashOf(print: Float64Array): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < print.length; i++) hash = Math.imul(hash ^ (print[i] | 0), 0x01000193)
  return hash
}
