/**
 * What it costs that the deterministic scheduler knows what it does: executions against a bare baton that does nothing
 * but draw lots, and whether more threads, or more CPUs, do what they should.
 */
import { join } from 'node:path'
import { execa } from 'execa'
import { allowedCpus } from '../torture/guest/watch/proc.ts'
import { pinnedTo } from '../torture/runner/affinity.ts'
import { childrenCpuMs } from '../torture/runner/others.ts'
import { type BenchBundle, makeBenchBundle } from './bundle.ts'
import { type Finding, median, type Skipped, summarise } from './finding.ts'
import { runGuest } from './guest.ts'
import type { Shape } from './loops/bare-baton.ts'

const PAIRS = 8
/** A limit that is never reached: what ends a guest is the number of its executions. */
const LONGEST_MS = 600_000

interface Size extends Pick<Shape, 'threads' | 'operations'> {
  /** Executions until a process is warm; twice as many are measured after them. */
  readonly warmUp: number
}
/** Makes so many executions in a process of its own. */
type Runner = (executions: number) => Promise<unknown>

/** What a guest runs, and what it is compared with, each by itself: that is how runs are compiled. */
interface Bundles {
  readonly guest: BenchBundle
  readonly bare: BenchBundle
}

export async function explore(): Promise<(Finding | Skipped)[]> {
  const cpus = allowedCpus()
  if (pinnedTo(cpus[0]).length === 0)
    return [{ name: 'explore', skipped: 'without taskset nothing can be kept on one CPU' }]
  const bundle: Bundles = {
    guest: await makeBenchBundle(['explored-adds']),
    bare: await makeBenchBundle(['bare-baton']),
  }
  return [
    await againstBare(bundle, cpus[0], { threads: 2, operations: 10, warmUp: 30_000 }),
    await againstBare(bundle, cpus[0], { threads: 4, operations: 50, warmUp: 20_000 }),
    await crowd(bundle, cpus[0]),
    cpus.length > 1
      ? await secondCpu(bundle, cpus)
      : { name: 'explore, second CPU', skipped: 'there is only one CPU here' },
  ]
}

const guest =
  (
    { guest: bundle }: Bundles,
    cpu: number,
    { threads, operations }: Size,
    strategy: Shape['strategy'] = 'pct',
  ): Runner =>
  executions =>
    runGuest(bundle, {
      scenario: 'explored-adds',
      module: bundle.loop('explored-adds'),
      params: { operations },
      threads: [{ name: 'adder', count: threads }],
      durationMs: LONGEST_MS,
      explore: { strategy, executions, cpu },
    })

/** The same of the least that there can be. */
const bare =
  (
    { bare: bundle }: Bundles,
    cpu: number,
    { threads, operations }: Size,
    strategy: Shape['strategy'] = 'pct',
  ): Runner =>
  executions => {
    const shape: Shape = { threads, operations, executions, strategy }
    const [command, ...args] = [...pinnedTo(cpu), process.execPath, join(bundle.dir, bundle.loop('bare-baton'))]
    return execa(command, [...args, JSON.stringify(shape)], { env: { NODE_OPTIONS: '' } })
  }

/** CPU time of an execution, microseconds, in a process that is warm: what the longer of two runs takes more. */
async function priceOf(run: Runner, { warmUp }: Size): Promise<number> {
  const spentMs = async (executions: number) => {
    const before = childrenCpuMs()
    await run(executions)
    return childrenCpuMs() - before
  }
  const short = await spentMs(warmUp)
  const long = await spentMs(3 * warmUp)
  return (1000 * (long - short)) / (2 * warmUp)
}

/** Both take turns, and who goes first alternates. */
async function inTurns<T>(a: () => Promise<T>, b: () => Promise<T>, pairs = PAIRS): Promise<{ a: T; b: T }[]> {
  const seen: { a: T; b: T }[] = []
  for (let n = 0; n < pairs; n++) {
    const first = await (n % 2 === 0 ? a : b)()
    const second = await (n % 2 === 0 ? b : a)()
    seen.push(n % 2 === 0 ? { a: first, b: second } : { a: second, b: first })
  }
  return seen
}

const perSecond = (micros: readonly number[]) => Math.round(1e6 / median(micros))

async function againstBare(bundle: Bundles, cpu: number, size: Size): Promise<Finding> {
  const seen = await inTurns(
    () => priceOf(guest(bundle, cpu, size), size),
    () => priceOf(bare(bundle, cpu, size), size),
  )
  const [guests, bares] = [seen.map(({ a }) => a), seen.map(({ b }) => b)]
  return {
    name: `explore, ${size.threads} x ${size.operations}`,
    what: `executions of PCT per second of CPU time, ${size.threads} threads of ${size.operations} operations: a guest ÷ a bare baton that only draws lots`,
    ...summarise(seen.map(({ a, b }) => b / a)),
    unit: 'x',
    goal: { is: 'at least', value: 0.6 },
    notes: [`guest ${perSecond(guests)} executions/s, bare ${perSecond(bares)}`],
  }
}

const FEW: Size = { threads: 2, operations: 10, warmUp: 20_000 }
const MANY: Size = { threads: 8, operations: 10, warmUp: 4000 }

/** Many threads on one CPU: a hand-over must not cost more because more of them wait, beyond what it costs anyway. */
async function crowd(bundle: Bundles, cpu: number): Promise<Finding> {
  const perHandOver = async (runner: typeof guest, size: Size) =>
    (await priceOf(runner(bundle, cpu, size, 'random'), size)) / handOversOf(size)
  const both = async (runner: typeof guest) => ({
    few: await perHandOver(runner, FEW),
    many: await perHandOver(runner, MANY),
  })
  const seen = await inTurns(
    () => both(guest),
    () => both(bare),
  )
  const text = (what: string, prices: readonly { few: number; many: number }[]) =>
    `${what}: ${perSecond(prices.map(({ many }) => many))} hand-overs/s with 8 threads, ${perSecond(prices.map(({ few }) => few))} with 2`
  return {
    name: 'explore, 8 threads on one CPU',
    what: 'hand-overs of the random walk per second of CPU time, all costs of an execution included: 8 threads of 10 operations ÷ 2 threads of 10, relative to the same of the bare baton',
    ...summarise(seen.map(({ a, b }) => a.few / a.many / (b.few / b.many))),
    unit: 'x',
    goal: { is: 'at least', value: 0.8 },
    notes: [
      text(
        'guest',
        seen.map(({ a }) => a),
      ),
      text(
        'bare',
        seen.map(({ b }) => b),
      ),
    ],
  }
}

const SAMPLES = 20_000

/** How often the baton goes to another thread in an execution of the random walk, on average. */
function handOversOf({ threads, operations }: Size): number {
  let handOvers = 0
  for (let n = 0; n < SAMPLES; n++) {
    // The beginning of a body is a step as well.
    const left = new Array<number>(threads).fill(operations + 1)
    const going = left.map((_, thread) => thread)
    let last = 0
    while (going.length > 0) {
      const at = Math.floor(Math.random() * going.length)
      const thread = going[at]
      if (thread !== last) handOvers++
      last = thread
      if (--left[thread] === 0) going.splice(at, 1)
    }
    // The first thread begins and ends all executions.
    if (last !== 0) handOvers++
  }
  return handOvers / SAMPLES
}

/** What another guest beside it costs a guest; with a CPU for each, time is CPU time. */
async function secondCpu(bundle: Bundles, cpus: readonly number[]): Promise<Finding> {
  const [one, other] = cpus.slice(0, 2).map(cpu => guest(bundle, cpu, FEW))
  const both: Runner = executions => Promise.all([one(executions), other(executions)])
  const seen = await inTurns(
    async () => (await priceOf(both, FEW)) / 2,
    () => priceOf(one, FEW),
    2 * PAIRS,
  )
  return {
    name: 'explore, second CPU',
    what: 'executions per second of CPU time of two guests at once, each on a CPU of its own ÷ one guest alone',
    ...summarise(seen.map(({ a, b }) => (2 * b) / a)),
    unit: 'x',
    goal: { is: 'at least', value: 1.8 },
    notes: [
      `two at once ${2 * perSecond(seen.map(({ a }) => a))} executions/s, one ${perSecond(seen.map(({ b }) => b))}`,
    ],
  }
}
