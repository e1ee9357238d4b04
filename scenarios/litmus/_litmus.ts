/**
 * What the litmus tests have in common. Each is a file: a few loads and stores in two to four threads, and every outcome
 * that one can think of, graded. How they are done is a parameter, so that each test is also its own twin.
 */
import { forbidden, interesting, type Outcome } from '../../torture/scenario.ts'

export type Access = 'plain' | 'atomic' | 'release-acquire' | 'relaxed'

/**
 * The engine ignores the orders of the last two: to it they are `atomic`. The explorer's store buffers know them
 * (`torture explore litmus-sb --param access=relaxed --memory-model tso`).
 */
export const ACCESS = {
  access: {
    default: 'plain',
    choices: ['plain', 'atomic', 'release-acquire', 'relaxed'],
    describe: 'how cells are read and written; the last two mean something to explore --memory-model only',
  },
} as const

interface Accesses {
  readonly load: (cell: Int32Array) => number
  readonly store: (cell: Int32Array, value: number) => void
}

const BY: Readonly<Record<string, Accesses>> = {
  plain: {
    load: cell => cell[0],
    store: (cell, value) => {
      cell[0] = value
    },
  },
  atomic: {
    load: cell => Atomics.load(cell, 0),
    store: (cell, value) => {
      Atomics.store(cell, 0, value)
    },
  },
  'release-acquire': {
    load: cell => Atomics.load(cell, 0, 'acquire'),
    store: (cell, value) => {
      Atomics.store(cell, 0, value, 'release')
    },
  },
  relaxed: {
    load: cell => Atomics.load(cell, 0, 'relaxed'),
    store: (cell, value) => {
      Atomics.store(cell, 0, value, 'relaxed')
    },
  },
}

/** In a guest it is always the same, so that the compiler puts the accesses in the place of the calls. */
export const accesses = ({ access }: { readonly access: string }): Accesses => BY[access]

/** Two cache lines, since processors fetch them in pairs. */
const APART = 128

/** A cell of 32 bits for each name, all 0, each in cache lines of its own wherever the buffer begins. */
export function cells<N extends string>(...names: readonly N[]): Readonly<Record<N, Int32Array>> {
  const buffer = new SharedArrayBuffer(APART * (names.length + 1))
  const entries = names.map((name, n) => [name, new Int32Array(buffer, APART * n + APART / 2, 1)])
  return Object.fromEntries(entries)
}

/** Total store order: the processor delays stores, and that is all. */
const TSO = ['x64', 'ia32', 's390x']

interface Weak {
  /** In what order things must have happened: a clause. */
  readonly what: string
  /** Which processors do that: those with store buffers alone too, only those that reorder more, or none. */
  readonly on: 'all' | 'weak' | 'none'
  /** From which access on it is forbidden. */
  readonly forbiddenFrom: 'atomic' | 'release-acquire' | 'relaxed'
}

const STRENGTH = ['relaxed', 'release-acquire', 'atomic']

/** An outcome that no order of the steps explains. */
export function weak(
  { access, arch }: { readonly access: string; readonly arch: string },
  { what, on, forbiddenFrom }: Weak,
): Outcome {
  if (access !== 'plain') {
    if (STRENGTH.indexOf(access) >= STRENGTH.indexOf(forbiddenFrom)) return forbidden(`${what}: ${WHY_NOT[access]}`)
    return interesting(`${what}: the order asked for allows it, which only explore --memory-model takes into account`)
  }
  if (on === 'none')
    return interesting(`${what}: ECMAScript promises no order; no processor does it, so the compiler must have`)
  if (on === 'weak' && TSO.includes(arch))
    return interesting(
      `${what}: ECMAScript promises no order; ${arch} keeps this one, so the compiler must have done it`,
    )
  return interesting(`${what}: ECMAScript promises no order, and ${arch} processors make use of that`)
}

const WHY_NOT: Readonly<Record<string, string>> = {
  atomic: 'Atomics are sequentially consistent',
  'release-acquire': 'release and acquire keep this order',
  relaxed: 'accesses to one cell keep their order',
}
