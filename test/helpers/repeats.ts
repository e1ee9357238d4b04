/**
 * The worker's side of explore-repetition.test.ts: searches for a failure and replays it as often as wanted, each time
 * with a fingerprint of everything that the trace holds. What it finds goes to stdout as JSON.
 */
import { createHash } from 'node:crypto'
import { MessageChannel, type MessagePort, Worker, workerData } from 'node:worker_threads'
import type { PlannedInstance } from '../../results/schema.ts'
import type { ExecutionOptions, Outcome } from '../../torture/explore/execution.ts'
import { explorerMemory, focusMemory } from '../../torture/explore/memory.ts'
import { type Lead, takePart } from '../../torture/explore/part.ts'
import { HEAD, STEP } from '../../torture/explore/schedule/board.ts'
import { makeStrategies, PLACE, type Strategies } from '../../torture/explore/strategies/index.ts'
import { makeControl } from '../../torture/guest/control.ts'
import { seatsOf } from '../../torture/guest/load.ts'
import type { FromThread, SharedMessage, Stay } from '../../torture/guest/messages.ts'
import { valueBytes } from '../../torture/guest/rounds/values.ts'
import { buffersOf } from '../../torture/guest/shared.ts'
import { defineScenario } from '../../torture/scenario.ts'

/** How often it is replayed, and the schedule; left out: the first failure of a search. */
export interface Task {
  readonly times: number
  readonly schedule?: readonly number[]
}

export interface Repeated {
  readonly schedule: readonly number[]
  /** Messages and fingerprints, with how often each was seen. */
  readonly seen: Readonly<Record<string, number>>
}

const THREADS = [
  { name: 'taker', count: 2 },
  { name: 'giver', count: 1 },
]
const ROUND = 7

/** A little of everything: queues, time-outs, loops, time, chance, handles, and a failure that not every schedule has. */
const scenario = defineScenario({
  name: 'mixture',
  summary: 'a buffer of one place, with a wrong notify',
  setup: () => ({
    place: new Int32Array(new SharedArrayBuffer(16)),
    big: new BigInt64Array(new SharedArrayBuffer(16)),
  }),
  threads: {
    taker: {
      count: 2,
      open: ({ shared: { place } }) => Atomics.add(place, 3, 1),
      run: ({ shared: { place, big }, random }) => {
        for (let n = 0; n < 2; n++) {
          const patience = 1 + Math.floor(5 * Math.random()) + random.below(3)
          const until = performance.now() + patience
          while (Atomics.load(place, 0) === 0 && performance.now() < until) Atomics.wait(place, 0, 0, patience)
          const taken = Atomics.load(place, 0)
          Atomics.store(place, 0, 0)
          Atomics.notify(place, 1)
          Atomics.add(big, 1, BigInt(taken))
          if (taken > 0) Atomics.add(place, 2, 1)
        }
      },
    },
    giver: {
      count: 1,
      run: ({ shared: { place } }) => {
        for (let n = 1; n <= 3; n++) {
          for (let tries = 0; Atomics.load(place, 0) !== 0 && tries < 9; tries++) Atomics.wait(place, 1, 0, 1)
          Atomics.store(place, 0, n)
          Atomics.notify(place, 0, 1)
        }
      },
    },
  },
  check: ({ shared: { place, big } }) => {
    const taken = Atomics.load(place, 2)
    if (taken > 3) throw new Error(`taken ${taken} times, ${Atomics.load(big, 1)} in all`)
  },
})

const instance: PlannedInstance = {
  name: 'mixture.1',
  scenario: 'mixture',
  module: '',
  seed: 11,
  params: {},
  threads: THREADS,
  bugs: [],
  mode: 'explore',
  explore: { strategy: 'portfolio', executions: 0, ops: 1, focus: [], memoryModel: 'sc' },
  jitter: 'off',
  durationMs: 0,
  hangAfterMs: 0,
  maxMemory: 0,
  keepGoing: false,
  cpus: 1,
  oversubscribed: false,
}

async function lead({ execution, strategies, stage }: Lead<Strategies>, { times, schedule }: Task): Promise<object> {
  const options = (place: number, n: number): ExecutionOptions => ({
    strategy: place,
    execution: n,
    round: ROUND,
    ops: [1, 1, 1],
    burstOneIn: place === PLACE.replay ? 0 : 4,
    focused: false,
  })
  let failing = schedule
  for (let n = 0; failing === undefined && n < 20_000; n++) {
    const outcome = (await execution.run(options(PLACE.random, n)))!
    if (outcome.fault !== undefined) failing = execution.schedule(options(PLACE.random, n)).actors
  }
  if (failing === undefined) throw new Error('nothing failed')
  const seen: Record<string, number> = {}
  for (let n = 0; n < times; n++) {
    strategies.replay.set(failing, { strict: true })
    const outcome = (await execution.run(options(PLACE.replay, n)))!
    const print = fingerprint(stage, outcome)
    seen[print] = (seen[print] ?? 0) + 1
  }
  return { type: 'repeated', schedule: failing, seen } satisfies Repeated & { type: 'repeated' }
}

/** All words of all steps, the clock, and how it ended. */
function fingerprint({ board }: Lead<Strategies>['stage'], { ending, fault }: Outcome): string {
  const hash = createHash('sha256')
  for (let step = 0; step < board.steps; step++)
    hash.update(
      [board.kindAt(step), board.didAt(step), ...Object.values(STEP).map(word => board.at(step, word))].join(),
    )
  hash.update(`${board.clock[0]} ${board.head[HEAD.preemptions]}`)
  return `${ending} ${fault?.message} ${board.steps} steps ${hash.digest('hex').slice(0, 16)}`
}

/** The main thread's part: starts the threads, hands on what `setup` returned. */
function start(file: string, task: Task): Promise<Repeated> {
  const seats = seatsOf(THREADS)
  const control = makeControl(seats.length)
  const toFirst = seats.map((_, thread) => (thread === 0 ? undefined : new MessageChannel()))
  const explorer = explorerMemory(seats.length)
  const ports: MessagePort[] = []
  return new Promise((resolve, reject) => {
    for (const thread of seats.keys()) {
      const { port1, port2: port } = new MessageChannel()
      const mouth = toFirst[thread]?.port1
      const fromOthers = thread === 0 ? toFirst.map(channel => channel?.port2) : []
      const stay: Stay = {
        thread,
        instance,
        control,
        port,
        fromOthers,
        availableCpus: 1,
        explorer,
        ...(mouth && { toFirst: mouth }),
      }
      const worker = new Worker(file, {
        workerData: { torture: { bugs: [], stay }, task },
        transferList: [port, ...fromOthers.filter(end => end !== undefined), ...(mouth ? [mouth] : [])],
      })
      port1.on('message', (message: FromThread | ({ type: 'repeated' } & Repeated)) => {
        if (message.type === 'ready') {
          const buffers = buffersOf(message.shared)
          const shared: SharedMessage = {
            type: 'shared',
            shared: message.shared,
            copies: [buffers],
            values: new SharedArrayBuffer(valueBytes(1, seats.length)),
            focus: focusMemory(buffers),
          }
          for (const each of ports) each.postMessage(shared)
        } else if (message.type === 'repeated') resolve(message)
        else if (message.type === 'failure') reject(new Error(message.message))
      })
      worker.on('error', reject)
      ports.push(port1)
    }
  })
}

const given = workerData as { readonly torture: { readonly stay: Stay }; readonly task: Task } | null
if (given !== null)
  void takePart(given.torture.stay, {
    load: async () => scenario,
    strategies: makeStrategies,
    lead: tools => lead(tools, given.task),
  })
else
  void start(process.argv[1], JSON.parse(process.argv[2])).then(({ schedule, seen }) => {
    process.stdout.write(JSON.stringify({ schedule, seen }))
    process.exit()
  })
