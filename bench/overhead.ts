/** What it costs to be run by the harness: the loop of a scenario in a guest against the same loop on a bare worker. */
import type { InstanceResult } from '../results/schema.ts'
import type { BenchBundle } from './bundle.ts'
import { Crew, rateOf, totalOf } from './crew.ts'
import { type Finding, summarise } from './finding.ts'
import { runGuest } from './guest.ts'
import type { Params } from './loops/bare.ts'
import { OWN } from './measured.ts'

const PAIRS = 20
/** One round: both begin cold, and both end with the scenario's check. */
const BLOCK_MS = 1000

interface Loop {
  readonly scenario: string
  readonly body: string
  readonly threads: readonly { readonly name: string; readonly count: number }[]
  readonly params: Params
}

const LOOPS: readonly Loop[] = [
  {
    scenario: 'timed-vma-lock',
    body: 'faulter',
    threads: [
      { name: 'faulter', count: 1 },
      { name: 'mapper', count: 0 },
    ],
    params: OWN,
  },
  { scenario: 'private-cells', body: 'adder', threads: [{ name: 'adder', count: 1 }], params: {} },
]

export async function overhead(bundle: BenchBundle): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const loop of LOOPS) findings.push(...(await compare(bundle, loop)))
  return findings
}

interface Speed {
  readonly wall: number
  /** By CPU time of the loop's thread; not a number where the loop does not say. */
  readonly cpu: number
}

async function compare(bundle: BenchBundle, loop: Loop): Promise<Finding[]> {
  const seen: { guest: Speed; bare: Speed }[] = []
  for (let n = 0; n < PAIRS; n++) {
    const first = n % 2 === 0 ? await inGuest(bundle, loop) : await bare(bundle, loop)
    const second = n % 2 === 0 ? await bare(bundle, loop) : await inGuest(bundle, loop)
    seen.push(n % 2 === 0 ? { guest: first, bare: second } : { guest: second, bare: first })
  }
  const name = `harness-overhead, ${loop.scenario.replace('timed-', '')}`
  const cost = {
    unit: 'x',
    goal: { is: 'at most', value: 1.03 },
    what: 'time for the same work, in a guest ÷ on a bare worker thread with the recorder on; jitter off, both from a cold start',
    notes: [] as string[],
  } as const
  const byWall = { ...cost, name, ...summarise(seen.map(({ guest, bare }) => bare.wall / guest.wall)) }
  if (!seen.every(({ guest, bare }) => guest.cpu > 0 && bare.cpu > 0)) return [byWall]
  const byCpu = summarise(seen.map(({ guest, bare }) => bare.cpu / guest.cpu))
  const what = "the same by the CPU time of the loop's thread, which other processes do not disturb"
  return [byWall, { ...cost, name: `${name}, CPU time`, what, ...byCpu }]
}

async function inGuest(bundle: BenchBundle, { scenario, threads, params }: Loop): Promise<Speed> {
  const result = await runGuest(bundle, {
    scenario,
    module: bundle.loop(scenario),
    params: { ...(await defaultsOf(bundle, scenario)), ...params },
    threads,
    durationMs: BLOCK_MS,
  })
  return { wall: ratesOf(result, result.durationMs), cpu: ratesOf(result, result.counters['cpu-us'] / 1000) }
}

const ratesOf = ({ counters }: InstanceResult, ms: number): number => (counters.pairs * 1000) / ms

/** A fresh worker each time, as a guest is a fresh process. */
async function bare(bundle: BenchBundle, { scenario, body, threads, params }: Loop): Promise<Speed> {
  const crew = await Crew.start(bundle, {
    module: bundle.loop(scenario),
    params,
    threads: Object.fromEntries(threads.map(({ name, count }) => [name, count])),
    parts: [{ body, index: 0, thread: 0 }],
  })
  const ran = await crew.run(BLOCK_MS, { check: true })
  await crew.end()
  const cpuMs = totalOf(ran, 'cpu-us') / 1000
  return { wall: rateOf(ran, 'pairs'), cpu: (totalOf(ran, 'pairs') * 1000) / cpuMs }
}

async function defaultsOf(bundle: BenchBundle, scenario: string): Promise<Params> {
  const { default: module } = await import(`${bundle.dir}/${bundle.loop(scenario)}`)
  return Object.fromEntries(
    Object.entries(module.params as Record<string, { default: number | string | boolean }>).map(([name, spec]) => [
      name,
      spec.default,
    ]),
  )
}
