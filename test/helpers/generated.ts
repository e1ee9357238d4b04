/** Programs made up from a seed: a few operations on a few cells, of every kind that threads can meet by. */
import { SharedRandom } from '../../torture/explore/schedule/random.ts'
import {
  add,
  clock,
  compareExchange,
  exchange,
  load,
  notify,
  type Program,
  type Steps,
  store,
  wait,
} from './machine.ts'

const CELLS = 2

interface Generated {
  readonly programs: readonly Program[]
  /** What each thread does, for a message. */
  readonly text: string
}

type Random = SharedRandom
type Piece = { readonly text: string; readonly run: () => Steps<unknown> }

const PIECES: ((random: Random) => Piece)[] = [
  random => {
    const cell = random.below(CELLS)
    return { text: `load ${cell}`, run: () => load(cell) }
  },
  random => {
    const [cell, value] = [random.below(CELLS), random.below(2)]
    return { text: `store ${cell} ${value}`, run: () => store(cell, value) }
  },
  random => {
    const cell = random.below(CELLS)
    return { text: `add ${cell}`, run: () => add(cell, 1) }
  },
  random => {
    const [cell, value] = [random.below(CELLS), random.below(2)]
    return { text: `exchange ${cell} ${value}`, run: () => exchange(cell, value) }
  },
  random => {
    const [cell, expected] = [random.below(CELLS), random.below(2)]
    return { text: `cas ${cell} ${expected}`, run: () => compareExchange(cell, expected, expected + 1) }
  },
  random => {
    const cell = random.below(CELLS)
    return {
      text: `cas loop ${cell}`,
      *run() {
        for (let n = 0, seen = 0; n < 2; n++) {
          const found = yield* compareExchange(cell, seen, seen + 1)
          if (found === seen) return n
          seen = found
        }
        return 'given up'
      },
    }
  },
  random => {
    const [cell, value] = [random.below(CELLS), random.below(2)]
    return { text: `wait ${cell} ${value}`, run: () => wait(cell, value) }
  },
  random => {
    const [cell, value] = [random.below(CELLS), random.below(2)]
    const ms = cell === 0 ? 10 : 1000
    return { text: `wait ${cell} ${value} for ${ms} ms`, run: () => wait(cell, value, ms) }
  },
  random => {
    const [cell, count] = [random.below(CELLS), 1 + random.below(2)]
    return { text: `notify ${cell} ${count}`, run: () => notify(cell, count) }
  },
  random => {
    const cell = random.below(CELLS)
    return {
      text: `store and notify ${cell}`,
      *run() {
        yield* store(cell, 1)
        return yield* notify(cell)
      },
    }
  },
  random => {
    const cell = random.below(CELLS)
    return {
      text: `if ${cell} then write the other`,
      *run() {
        if ((yield* load(cell)) !== 0) yield* add(CELLS - 1 - cell, 2)
      },
    }
  },
  () => ({ text: 'clock', run: () => clock() }),
]

/** Fails if the cell holds the value. */
const failing = (random: Random): Piece => {
  const [cell, value] = [random.below(CELLS), random.below(3)]
  return {
    text: `fail if ${cell} is ${value}`,
    *run() {
      if ((yield* load(cell)) === value) throw new Error(`${cell} is ${value}`)
    },
  }
}

/** Goes round until a cell is not 0: for ever, or until it has enough. */
const spinning = (random: Random): Piece => {
  const cells = random.below(2) === 0 ? [random.below(CELLS)] : [0, 1]
  const rounds = random.below(2) === 0 ? Number.POSITIVE_INFINITY : 4
  return {
    text: `spin on ${cells} ${rounds} times`,
    *run() {
      for (let n = 0; n < rounds; n++) for (const cell of cells) if ((yield* load(cell)) !== 0) return n
      return 'given up'
    },
  }
}

export interface Shape {
  readonly threads: number
  /** Operations of a thread, or small groups of them. */
  readonly pieces: number
  readonly fails?: boolean
  readonly spins?: boolean
  /** Each piece is a recorded call. */
  readonly calls?: boolean
}

export function generate(
  seed: number,
  { threads, pieces, fails = false, spins = false, calls = false }: Shape,
): Generated {
  const random = new SharedRandom(new Uint32Array(4))
  random.seed(seed)
  const kinds = [
    ...PIECES,
    ...(fails ? [failing, failing, failing] : []),
    ...(spins ? [spinning, spinning, spinning] : []),
  ]
  const bodies = Array.from({ length: threads }, () =>
    Array.from({ length: pieces }, () => kinds[random.below(kinds.length)](random)),
  )
  return {
    text: bodies.map(body => body.map(({ text }) => text).join('; ')).join(' | '),
    programs: bodies.map(
      body =>
        function* () {
          const results: unknown[] = []
          for (const piece of body) results.push(yield* calls ? called(piece.run()) : piece.run())
          return results.join()
        },
    ),
  }
}

/** The same steps, the first of them marked. */
function* called<T>(steps: Steps<T>): Steps<T> {
  let next = steps.next()
  for (let begins = true; next.done !== true; begins = false) next = steps.next(yield { ...next.value, begins })
  return next.value
}
