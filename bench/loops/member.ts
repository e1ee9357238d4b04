/** A bare worker thread that runs bodies of a scenario when it is told to: a member of a crew. */
import { parentPort, workerData } from 'node:worker_threads'
import { noRecorder } from '../../torture/guest/history/recorder.ts'
import { importFrom } from '../../torture/guest/load.ts'
import type { Scenario } from '../../torture/scenario.ts'
import { type Counts, type Params, type Part, prepare, recorderOn, setUp, withDefaults } from './bare.ts'

/** Words of the crew's gate. */
export const GATE = { ready: 0, open: 1, stop: 16 } as const

export interface Member {
  readonly module: string
  readonly params: Params
  readonly threads: Counts
  readonly gate: Int32Array
  /** Makes the shared state and hands it out. */
  readonly first: boolean
}

export type Order =
  | { readonly type: 'shared'; readonly shared: unknown }
  | { readonly type: 'run'; readonly part: Part; readonly turn: number; readonly check: boolean }

export interface Ran {
  readonly counters: Counts
  /** From the opening of the gate to the end of the body (and of the scenario's check, where that was asked for). */
  readonly ms: number
}

const { module, params: given, threads, gate, first } = workerData as Member
const scenario = (await importFrom(module, import.meta.url)) as Scenario
const params = withDefaults(scenario, given)
recorderOn()
let shared: unknown
if (first) {
  shared = setUp(scenario, params, threads)
  parentPort!.postMessage(shared)
}

parentPort!.on('message', (order: Order) => {
  if (order.type === 'shared') shared = order.shared
  else parentPort!.postMessage(take(order))
})

function take({ part, turn, check }: Extract<Order, { type: 'run' }>): Ran {
  const run = prepare(scenario, shared, params, threads, part, () => Atomics.load(gate, GATE.stop) === 0)
  Atomics.add(gate, GATE.ready, 1)
  Atomics.notify(gate, GATE.ready)
  while (Atomics.load(gate, GATE.open) < turn);
  const started = performance.now()
  const counters = run()
  const told = { count: () => {}, near: () => {}, ...noRecorder }
  if (check) scenario.check?.({ shared, params, threads: { [part.body]: [] }, ...told })
  return { counters, ms: performance.now() - started }
}
