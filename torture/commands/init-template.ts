/** The scenario that `torture init` writes: a lock that is right, and a line to swap that makes it wrong. */

export interface Form {
  /** The scenario's name. */
  readonly name: string
  /** The file as one would type it. */
  readonly path: string
  /** TypeScript. */
  readonly typed: boolean
  /** Whether `torture` can be imported there: its types help, and nothing else depends on it. */
  readonly helper: boolean
}

export function scenarioText({ name, path, typed, helper }: Form): string {
  const [opened, closed] = helper ? ['defineScenario({', '})'] : ['{', '}']
  const type = (text: string) => (typed ? text : '')
  const plain = (text: string) => (typed && !helper ? text : '')
  return `/**
 * torture run ${path} --duration 10s    on real parallel threads, with delays in the right places
 * torture explore ${path}    one thread at a time: every interleaving that matters
 */
import assert from 'node:assert/strict'
${helper ? "import { defineScenario } from 'torture'\n" : ''}
// What is tested: import your own code here instead.
const LOCK = 0
const WAITING = 1

function lock(cells${type(': Int32Array')})${type(': void')} {
  while (Atomics.compareExchange(cells, LOCK, 0, 1) !== 0) {
    Atomics.add(cells, WAITING, 1)
    Atomics.wait(cells, LOCK, 1)
    Atomics.sub(cells, WAITING, 1)
  }
}

function unlock(cells${type(': Int32Array')})${type(': void')} {
  // Swap these two lines, and run it again: who begins to wait between them is never woken.
  Atomics.store(cells, LOCK, 0)
  const waiting = Atomics.load(cells, WAITING)
  if (waiting > 0) Atomics.notify(cells, LOCK, 1)
}
${plain('\ntype Shared = { lock: Int32Array; sum: Int32Array }\n')}
export default ${opened}
  name: '${name}',
  summary: 'additions under a lock are not lost, and everybody gets it in the end',
  // Once. The shared memory in what it returns is as it is here again at the start of every round.
  setup: () => ({
    lock: new Int32Array(new SharedArrayBuffer(8)),
    sum: new Int32Array(new SharedArrayBuffer(4)),
  }),
  // What runs at the same time, in every round anew.
  threads: {
    adder: {
      count: 2,
      run: ({ shared }${plain(': { shared: Shared }')}) => {
        lock(shared.lock)
        Atomics.store(shared.sum, 0, Atomics.load(shared.sum, 0) + 1)
        unlock(shared.lock)
      },
    },
  },
  // What must be true when all have returned. What never returns is found without being asked for.
  check: ({ shared, threads: { adder = [] } }${plain(': { shared: Shared; threads: Record<string, unknown[]> }')}) => {
    assert.equal(Atomics.load(shared.sum, 0), adder.length, 'no addition is lost')
  },
${closed}
`
}
