/** Programs with one bug each, of different kinds: what suits one strategy does not suit the others. */
import { ENDING } from '../../torture/explore/schedule/board.ts'
import { add, compareExchange, load, notify, type Outcome, type Program, type Steps, store, wait } from './machine.ts'

export interface KnownBug {
  readonly programs: readonly Program[]
  /** The first values of the cells. */
  readonly cells?: readonly number[]
  readonly isFound: (outcome: Outcome) => boolean
}

function* addOne(): Steps<void> {
  yield* store(0, (yield* load(0)) + 1)
}

const PREPARED = 20

/** The user prepares something of its own first, and counts on the initialiser being through by then. */
function* prepareAndUse(): Steps<number> {
  for (let n = 0; n < PREPARED; n++) yield* add(1, 1)
  return yield* load(0)
}

/** Goes through the door of each `number` in its order: three switches, each at one place. */
const through = (doors: readonly number[]) =>
  function* (): Steps<void> {
    for (const door of doors) if ((yield* load(0)) === door) yield* store(0, door + 1)
  }

/** Looks whether there is something to do, and if not sleeps: but on a bell that may have rung in between. */
function* sleepUnlessReady(): Steps<void> {
  if ((yield* load(0)) === 0) yield* wait(1, 0)
}

function* readyAndRing(): Steps<void> {
  yield* store(0, 1)
  yield* notify(1)
}

/** Cell 0 is the node on top, cell n the one below node n. */
function* pop(): Steps<number> {
  for (;;) {
    const top = yield* load(0)
    if (top === 0) return 0
    const below = yield* load(top)
    if ((yield* compareExchange(0, top, below)) === top) return top
  }
}

function* push(node: number): Steps<void> {
  for (;;) {
    const top = yield* load(0)
    yield* store(node, top)
    if ((yield* compareExchange(0, top, node)) === top) return
  }
}

function* popTwoAndReturnOne(): Steps<number> {
  const top = yield* pop()
  const kept = yield* pop()
  if (top !== 0) yield* push(top)
  return kept
}

/** Each node is in the stack or in the hands of a thread, once. */
function isBroken({ memory, returned }: Outcome): boolean {
  const found = returned.filter(node => node !== 0)
  for (let node = memory[0]; node !== 0 && found.length < 3; node = memory[node]) found.push(node)
  return found.sort().join() !== '1,2'
}

export const KNOWN_BUGS: Readonly<Record<string, KnownBug>> = {
  'lost update': { programs: [addOne, addOne], isFound: ({ memory }) => memory[0] !== 2 },
  'order bug': { programs: [() => store(0, 1), prepareAndUse], isFound: ({ returned }) => returned[1] === 0 },
  'three switches': { programs: [through([0, 2]), through([1, 3])], isFound: ({ memory }) => memory[0] === 4 },
  'lost wake-up': {
    programs: [sleepUnlessReady, readyAndRing],
    isFound: ({ ending }) => ending === ENDING.deadlock,
  },
  'Treiber ABA': { programs: [pop, popTwoAndReturnOne], cells: [1, 2, 0], isFound: isBroken },
}
