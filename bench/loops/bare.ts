/** A scenario's thread body without a harness: its context, made by hand. */
import { configureSites, ENTRY_WORDS, MAX_SITES } from '../../lib/shm/sites.ts'
import { noRecorder } from '../../torture/guest/history/recorder.ts'
import { Xoshiro } from '../../torture/guest/random.ts'
import type { ParamValue, Scenario } from '../../torture/scenario.ts'

export interface Part {
  readonly body: string
  readonly index: number
  readonly thread: number
}

export type Counts = Readonly<Record<string, number>>
export type Params = Readonly<Record<string, ParamValue>>

const RING_ENTRIES = 4096

/** The flight recorder and the counters of sites on, delays off: as a guest has it with jitter off. */
export function recorderOn(): void {
  const words = (length: number) => new Int32Array(new SharedArrayBuffer(4 * length))
  configureSites({
    hits: words(MAX_SITES),
    ring: words(ENTRY_WORDS * RING_ENTRIES),
    cursor: words(1),
    delayEvery: 0,
    delay: () => {},
    below: () => 0,
  })
}

export function withDefaults(scenario: Scenario, params: Params): Params {
  const specs = scenario.params as Record<string, { default: ParamValue }>
  return { ...Object.fromEntries(Object.entries(specs).map(([name, spec]) => [name, spec.default])), ...params }
}

export function setUp(scenario: Scenario, params: Params, threads: Counts): unknown {
  return scenario.setup({ params, threads, random: new Xoshiro(1, -1, 0) })
}

/** Opens a body; what is returned runs it once and says what it counted. */
export function prepare(
  scenario: Scenario,
  shared: unknown,
  params: Params,
  threads: Counts,
  { body, index, thread }: Part,
  more: () => boolean,
): () => Counts {
  const { open, run } = scenario.threads[body]
  const counters: Record<string, number> = {}
  const base = { shared, params, index, thread, threads, random: new Xoshiro(1, thread, 0) }
  const context = {
    ...base,
    local: open?.(base),
    more,
    fail: (message: string) => {
      throw new Error(message)
    },
    count: (name: string, n = 1) => {
      counters[name] = (counters[name] ?? 0) + n
    },
    near: () => {},
    ...noRecorder,
  }
  return () => {
    run(context)
    return counters
  }
}
