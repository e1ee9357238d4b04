/** The operations of `atomic_t`, by what they do to the word. */
import type { AtomicOperations } from '../../lib/atomic/builds.ts'
import type { Order } from '../../lib/shm/ordering.ts'

type Ops = AtomicOperations

const by = (change: number, _done: unknown) => change

/** Each changes the word by what it returns. */
export const SUMS: readonly ((a: Ops, w: Int32Array, at: number, n: number, order: Order | undefined) => number)[] = [
  (a, w, at, n) => by(n, a.atomicAdd(w, at, n)),
  (a, w, at, n) => by(-n, a.atomicSub(w, at, n)),
  (a, w, at) => by(1, a.atomicInc(w, at)),
  (a, w, at) => by(-1, a.atomicDec(w, at)),
  (a, w, at, n, order) => by(n, a.atomicAddReturn(w, at, n, order)),
  (a, w, at, n, order) => by(-n, a.atomicSubReturn(w, at, n, order)),
  (a, w, at, _, order) => by(1, a.atomicIncReturn(w, at, order)),
  (a, w, at, _, order) => by(-1, a.atomicDecReturn(w, at, order)),
  (a, w, at, n, order) => by(n, a.atomicFetchAdd(w, at, n, order)),
  (a, w, at, n, order) => by(-n, a.atomicFetchSub(w, at, n, order)),
  (a, w, at, _, order) => by(1, a.atomicFetchInc(w, at, order)),
  (a, w, at, _, order) => by(-1, a.atomicFetchDec(w, at, order)),
  (a, w, at, n, order) => by(n, a.atomicAddNegative(w, at, n, order)),
  (a, w, at, n) => by(-n, a.atomicSubAndTest(w, at, n)),
  (a, w, at) => by(-1, a.atomicDecAndTest(w, at)),
  (a, w, at) => by(1, a.atomicIncAndTest(w, at)),
  (a, w, at, n) => (a.atomicAddUnless(w, at, n, 0) ? n : 0),
  (a, w, at) => (a.atomicIncNotZero(w, at) ? 1 : 0),
]

/** Each counts the word up by one, and returns what it was before. */
export const DRAWS: readonly ((a: Ops, w: Int32Array, at: number, order: Order | undefined) => number)[] = [
  (a, w, at, order) => a.atomicFetchInc(w, at, order),
  (a, w, at, order) => a.atomicFetchAdd(w, at, 1, order),
  (a, w, at, order) => a.atomicFetchSub(w, at, -1, order),
  (a, w, at, order) => a.atomicIncReturn(w, at, order) - 1,
  (a, w, at, order) => a.atomicAddReturn(w, at, 1, order) - 1,
  (a, w, at, order) => a.atomicSubReturn(w, at, -1, order) - 1,
]

/** Each puts a value in, and returns the one that it took the place of. */
export const SWAPS: readonly ((
  a: Ops,
  w: Int32Array,
  at: number,
  value: number,
  order: Order | undefined,
) => number)[] = [
  (a, w, at, value, order) => a.atomicXchg(w, at, value, order),
  (a, w, at, value, order) => {
    let old = a.atomicRead(w, at)
    for (;;) {
      const found = a.atomicCmpxchg(w, at, old, value, order)
      if (found === old) return old
      old = found
    }
  },
  (a, w, at, value, order) => {
    const old = { value: a.atomicRead(w, at) }
    while (!a.atomicTryCmpxchg(w, at, old, value, order));
    return old.value
  },
]

interface BitChange {
  /** Returns the word as it was, if the operation does. */
  readonly run: (a: Ops, w: Int32Array, at: number, mask: number, order: Order | undefined) => number | undefined
  /** What becomes of the bits. */
  readonly result: (bits: number, mask: number) => number
}

const set = (bits: number, mask: number) => bits | mask
const clear = (bits: number, mask: number) => bits & ~mask
const flip = (bits: number, mask: number) => bits ^ mask
const silently = (_done: unknown) => undefined

export const BIT_CHANGES: readonly BitChange[] = [
  { result: set, run: (a, w, at, mask) => silently(a.atomicOr(w, at, mask)) },
  { result: set, run: (a, w, at, mask, order) => a.atomicFetchOr(w, at, mask, order) },
  { result: clear, run: (a, w, at, mask) => silently(a.atomicAnd(w, at, ~mask)) },
  { result: clear, run: (a, w, at, mask) => silently(a.atomicAndnot(w, at, mask)) },
  { result: clear, run: (a, w, at, mask, order) => a.atomicFetchAnd(w, at, ~mask, order) },
  { result: clear, run: (a, w, at, mask, order) => a.atomicFetchAndnot(w, at, mask, order) },
  { result: flip, run: (a, w, at, mask) => silently(a.atomicXor(w, at, mask)) },
  { result: flip, run: (a, w, at, mask, order) => a.atomicFetchXor(w, at, mask, order) },
]
