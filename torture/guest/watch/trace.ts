/**
 * Merges the flight recorders of all threads into one trace. Within a thread the order is exact. Between threads it is
 * known only from time stamps, which slow sites take: an entry without one, or closer than 1 us to an entry of another
 * thread, is marked unordered.
 */
import { ENTRY_WORDS } from '../../../lib/shm/sites.ts'

export interface Ring {
  /** `faulter[1]` */
  readonly thread: string
  readonly entries: Int32Array
  /** Entries written since the start; only the last ones are still there. */
  readonly written: number
}

export interface TraceEntry {
  readonly thread: string
  /** Number of the entry in its thread. */
  readonly seq: number
  readonly site: string
  readonly a: number
  readonly b: number
  /** Microseconds relative to the trace's last time stamp; absent where none was taken. */
  readonly us?: number
  readonly unordered?: true
}

interface Placed extends TraceEntry {
  /** Where the entry sorts: its own time, or that of the last stamped entry before it. */
  readonly at: number
}

/** Stamps are microseconds modulo this: see `nowMicros` of the sites. */
const WRAP = 0x7fffffff
const CLOSE_US = 1

/**
 * @param names of the sites, by number
 * @param last how many entries of each thread to keep
 */
export function mergeTrace(rings: readonly Ring[], names: readonly string[], last: number): TraceEntry[] {
  const zero = newestStamp(rings)
  const placed = rings.flatMap(ring => place(ring, names, last, zero))
  // Stable: entries of one thread keep their order, since their places never decrease.
  placed.sort((a, b) => a.at - b.at)
  return placed.map((entry, i) => {
    const { at, ...plain } = entry
    const near = (other: Placed | undefined) =>
      other !== undefined && other.thread !== entry.thread && Math.abs(other.at - at) < CLOSE_US
    return plain.us === undefined || near(placed[i - 1]) || near(placed[i + 1]) ? { ...plain, unordered: true } : plain
  })
}

function place(ring: Ring, names: readonly string[], last: number, zero: number): Placed[] {
  const capacity = ring.entries.length / ENTRY_WORDS
  const first = Math.max(0, ring.written - Math.min(last, capacity))
  const placed: Placed[] = []
  let at = Number.NEGATIVE_INFINITY
  for (let seq = first; seq < ring.written; seq++) {
    const [site, a, b, stamp] = ring.entries.subarray(
      (seq % capacity) * ENTRY_WORDS,
      (seq % capacity) * ENTRY_WORDS + 4,
    )
    const common = { thread: ring.thread, seq, site: names[site] ?? `site ${site}`, a, b }
    if (stamp === 0) placed.push({ ...common, at })
    else {
      const us = since(stamp, zero)
      at = Math.max(at, us)
      placed.push({ ...common, us, at })
    }
  }
  return placed
}

/** Signed distance on the circle of stamps. */
function since(stamp: number, zero: number): number {
  const ahead = (((stamp - zero) % WRAP) + WRAP) % WRAP
  return ahead > WRAP / 2 ? ahead - WRAP : ahead
}

function newestStamp(rings: readonly Ring[]): number {
  let newest: number | undefined
  for (const { entries, written } of rings) {
    const capacity = entries.length / ENTRY_WORDS
    for (let seq = Math.max(0, written - capacity); seq < written; seq++) {
      const stamp = entries[(seq % capacity) * ENTRY_WORDS + 3]
      if (stamp !== 0 && (newest === undefined || since(stamp, newest) > 0)) newest = stamp
    }
  }
  return newest ?? 0
}
