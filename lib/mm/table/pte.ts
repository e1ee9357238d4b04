/**
 * Page table entries: one word each, or with `pte: 'pae'` two, as on 32-bit x86 with 36-bit addresses. The low word
 * holds the flags and the low bits of the frame number, the high word the rest of it; nothing reads or writes both at
 * once. So who sets an entry writes the high word first, since the low one says that the entry is present; who clears
 * it takes the low word first; and who reads without the lock reads low, high, and low again.
 *
 * Everywhere else an entry is one number: the frame number above PTE_FRAME_SHIFT, the flags below.
 */
import { POISON } from '../../shm/arena.ts'
import { bug, pass, site } from '../../shm/sites.ts'
import type { Kernel } from '../kernel.ts'
import { ENTRIES_AT } from '../layout.ts'

const HIGH_LAST = bug('pae-high-last')
const HALF_SET = site('pte/half-set')
const TORN = site('pte/torn')

/** Flags and the low bits of the frame number. */
const LOW_BITS = 12
const LOW = (1 << LOW_BITS) - 1

/** Word of the entry for `vpn` in its leaf table. */
export function ptep(k: Kernel, table: number, vpn: number): number {
  return table + ENTRIES_AT + ((vpn & k.tableMask) << k.pteShift)
}

/** The entry as it is at one moment; for who holds no lock. */
export function readPte(k: Kernel, at: number): number {
  return k.pteShift === 0 ? Atomics.load(k.w, at) : readPae(k.w, at)
}

/** As `readPte` of an entry of two words, for who has no handle of the memory. */
export function readPae(w: Int32Array, at: number): number {
  for (;;) {
    const low = Atomics.load(w, at)
    // Absent, or the table was freed: the other word means nothing.
    if (low === 0 || low === POISON) return low
    const high = Atomics.load(w, at + 1)
    // Unchanged: the high word belongs to it. Whoever replaces an entry takes the low word away first; should the same
    // low word be back with another high one, then that is the entry which we have read.
    if (Atomics.load(w, at) === low) return (high << LOW_BITS) | low
    pass(TORN, at, low)
  }
}

/** Sets an entry that is none; its table is locked. Release: who finds the entry finds the page filled. */
export function setPte(k: Kernel, at: number, pte: number): void {
  if (k.pteShift === 0) Atomics.store(k.w, at, pte, 'release')
  else setPae(k.w, at, pte)
}

function setPae(w: Int32Array, at: number, pte: number): void {
  if (HIGH_LAST) {
    Atomics.store(w, at, pte & LOW, 'release')
    pass(HALF_SET, at, pte)
    Atomics.store(w, at + 1, pte >>> LOW_BITS, 'release')
    return
  }
  Atomics.store(w, at + 1, pte >>> LOW_BITS, 'relaxed')
  pass(HALF_SET, at, pte)
  // Release: who sees that the entry is present sees all of it.
  Atomics.store(w, at, pte & LOW, 'release')
}

/**
 * Takes the entry away and returns it; its table is locked. An exchange, never load and store: the hardware may set
 * accessed and dirty at this moment.
 */
export function clearPte(k: Kernel, at: number): number {
  const low = Atomics.exchange(k.w, at, 0)
  if (k.pteShift === 0 || low === 0 || low === POISON) return low
  return (Atomics.exchange(k.w, at + 1, 0) << LOW_BITS) | low
}

/**
 * Changes the flags of an entry that is still `pte`. False if it is not: the hardware sets accessed and dirty without
 * the lock, and a walk sets them while others change the entry.
 */
export function changePte(k: Kernel, at: number, pte: number, to: number): boolean {
  if (k.pteShift === 0) return Atomics.compareExchange(k.w, at, pte, to) === pte
  if (Atomics.compareExchange(k.w, at, pte & LOW, to & LOW) !== (pte & LOW)) return false
  // Equal low words of two different entries: the bits went to the other one, whose flags are the same.
  return Atomics.load(k.w, at + 1) === pte >>> LOW_BITS
}
