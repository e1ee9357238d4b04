/**
 * Making other CPUs forget translations. Nobody edits another worker's TLB: who took entries away says which pages, asks
 * each CPU that may hold them for an interrupt, and waits until each has served it: between two accesses, in a spin loop,
 * or by being parked. What is flushed is what was asked for and nothing else: a page that is mapped at another address as
 * well stays in the TLBs under that one.
 */
import { objectAt, type Region } from '../../shm/arena.ts'
import { passSlow, site } from '../../shm/sites.ts'
import type { Kernel } from '../kernel.ts'
import { FLUSH } from '../layout.ts'
import type { Mm } from '../mm.ts'

const WAIT_ACK = site('shootdown/wait')
const SKIP_LAZY = site('shootdown/skip-lazy')

/** Beyond every page: flush all that is cached. */
export const ALL_PAGES = 0x7fffffff

/**
 * Makes every CPU that may hold translations of [start, end) drop them, or look again before it uses them, and waits until
 * each has said so. With `freesTables` lazy CPUs are asked as well: hardware may walk tables that nobody uses.
 */
export function shootdown(k: Kernel, mm: Mm, start: number, end: number, freesTables = false): void {
  k.tlb.flushRange(start, end)
  let others = Atomics.load(k.w, mm.cpumask) & ~(1 << k.cpu.id)
  if (others !== 0 && !freesTables) others = withoutLazy(k, mm, others)
  if (others !== 0) ask(k, mm, others, start, end)
}

/**
 * The CPUs that have to be asked. A lazy one looks at the time before it uses a translation again, so time moves on, after
 * the entries were cleared, and then it counts who is lazy: either that CPU will find the new time, or we see it back.
 */
function withoutLazy(k: Kernel, mm: Mm, others: number): number {
  const { w } = k
  if ((Atomics.load(w, mm.lazyMask) & others) === 0) return others
  Atomics.add(w, mm.gen, 1)
  const lazy = Atomics.load(w, mm.lazyMask) & others
  passSlow(SKIP_LAZY, mm.tag, lazy)
  return others & ~lazy
}

function ask(k: Kernel, mm: Mm, others: number, start: number, end: number): void {
  const { w, cpu, tickets } = k
  const { flushes } = k.image
  const mine = objectAt(flushes, cpu.id)
  // Nobody reads these before it is asked to, and nobody does any more once all have answered.
  Atomics.store(w, mine + FLUSH.start, start)
  Atomics.store(w, mine + FLUSH.end, end)
  for (let id = 0, rest = others; rest !== 0; id++, rest >>>= 1) {
    if ((rest & 1) === 0) continue
    // The interrupt comes second: whoever serves it finds who asked.
    Atomics.or(w, objectAt(flushes, id) + FLUSH.asked_by, 1 << cpu.id)
    tickets[id] = cpu.interrupt(id)
  }
  passSlow(WAIT_ACK, mm.tag, others)
  // The waiting takes interrupts itself: two CPUs may shoot at each other.
  for (let id = 0, rest = others; rest !== 0; id++, rest >>>= 1) {
    if ((rest & 1) === 0) continue
    for (let n = 0; !cpu.hasServed(id, tickets[id]); n++) cpu.relax(n)
  }
}

/**
 * Serves what this CPU is asked for. A CPU that was parked may find requests that nobody waits for any more, and ranges
 * that are being changed: it holds no translations then, and whatever it flushes is right.
 */
export function serveFlushes(w: Int32Array, flushes: Region, cpu: number, flush: (start: number, end: number) => void) {
  let asked = Atomics.exchange(w, objectAt(flushes, cpu) + FLUSH.asked_by, 0)
  for (let id = 0; asked !== 0; id++, asked >>>= 1) {
    if ((asked & 1) === 0) continue
    const theirs = objectAt(flushes, id)
    flush(Atomics.load(w, theirs + FLUSH.start), Atomics.load(w, theirs + FLUSH.end))
  }
}
