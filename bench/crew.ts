/** Bare worker threads that stay, warm, and run bodies of one scenario for a stretch of time whenever they are asked to. */
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import type { BenchBundle } from './bundle.ts'
import type { Counts, Params, Part } from './loops/bare.ts'
import type { Member, Order, Ran } from './loops/member.ts'

/** As in `loops/member.ts`, which cannot be imported here: it is a thread. */
const GATE = { ready: 0, open: 1, stop: 16 } as const

export interface CrewOptions {
  /** As a manifest names it. */
  readonly module: string
  readonly params: Params
  readonly threads: Counts
  /** What each worker runs, in order. */
  readonly parts: readonly Part[]
}

export class Crew {
  readonly #workers: readonly Worker[]
  readonly #parts: readonly Part[]
  readonly #gate: Int32Array
  #turn = 0

  private constructor(workers: readonly Worker[], parts: readonly Part[], gate: Int32Array) {
    this.#workers = workers
    this.#parts = parts
    this.#gate = gate
  }

  static async start(bundle: BenchBundle, { module, params, threads, parts }: CrewOptions): Promise<Crew> {
    const gate = new Int32Array(new SharedArrayBuffer(128))
    const workers = parts.map((_, n) => {
      const data: Member = { module, params, threads, gate, first: n === 0 }
      return new Worker(join(bundle.dir, bundle.loop('member')), {
        workerData: { ...data, torture: { bugs: [] } },
        execArgv: [],
      })
    })
    const [shared] = await once(workers[0], 'message')
    for (const worker of workers.slice(1)) worker.postMessage({ type: 'shared', shared } satisfies Order)
    return new Crew(workers, parts, gate)
  }

  /** Lets the first `count` workers run for a while; all of them unless told. */
  async run(ms: number, { count = this.#workers.length, check = false } = {}): Promise<Ran[]> {
    const gate = this.#gate
    const turn = ++this.#turn
    Atomics.store(gate, GATE.ready, 0)
    Atomics.store(gate, GATE.stop, 0)
    const ended = this.#workers.slice(0, count).map(async (worker, n) => {
      worker.postMessage({ type: 'run', part: this.#parts[n], turn, check } satisfies Order)
      const [ran] = await once(worker, 'message')
      return ran as Ran
    })
    while (Atomics.load(gate, GATE.ready) < count) await sleep(1)
    Atomics.store(gate, GATE.open, turn)
    await sleep(ms)
    Atomics.store(gate, GATE.stop, 1)
    return Promise.all(ended)
  }

  async end(): Promise<void> {
    await Promise.all(this.#workers.map(worker => worker.terminate()))
  }
}

/** Sum over the threads of what each counted a second. */
export function rateOf(ran: readonly Ran[], counter: string): number {
  return ran.reduce((sum, { counters, ms }) => sum + ((counters[counter] ?? 0) * 1000) / ms, 0)
}

export const totalOf = (ran: readonly Ran[], counter: string): number =>
  ran.reduce((sum, { counters }) => sum + (counters[counter] ?? 0), 0)
