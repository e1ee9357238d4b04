/**
 * One thread of vma-lock on a VMA of its own, run in a process of its own so that CPU time is its own.
 *
 *     node pair-price.js count    how many atomic operations of each kind a write-touch + zap pair makes
 *     node pair-price.js time     what a pair costs, and what each kind of operation does, in turns; microseconds of CPU
 */
import type { Scenario } from '../../torture/scenario.ts'
import { type Params, prepare, recorderOn, setUp, withDefaults } from './bare.ts'

const KINDS = ['load', 'store', 'add', 'sub', 'and', 'or', 'exchange', 'compareExchange'] as const
type Kind = (typeof KINDS)[number]
export type ByKind = Readonly<Record<Kind, number>>
export interface Repeat {
  readonly pairMicros: number
  readonly opMicros: ByKind
}

const WARM_UP = 200
const COUNTED = 80
const REPEATS = 21
const BLOCK_US = 60_000
const PRICE_TURNS = 20_000
const UNROLLED = 16

const byKind = (value: (kind: Kind) => number): ByKind =>
  Object.fromEntries(KINDS.map(kind => [kind, value(kind)])) as ByKind

const [, , mode, params] = process.argv
process.stdout.write(JSON.stringify(mode === 'count' ? await countOperations() : await timeOperations()))

/** Runs the loop; `turn` is called where the body asks for more, with the number of pairs so far. */
async function loop(turn: (pairs: number) => boolean): Promise<void> {
  const module = await import('../../scenarios/mm/vma-lock.ts')
  const scenario: Scenario = module.default
  recorderOn()
  const all = withDefaults(scenario, JSON.parse(params) as Params)
  const threads = { faulter: 1, mapper: 0 }
  let pairs = 0
  const chunk = 512
  let begun = false
  const more = () => {
    if (begun) pairs += chunk
    begun = true
    return turn(pairs)
  }
  const part = { body: 'faulter', index: 0, thread: 0 }
  const counters = prepare(scenario, setUp(scenario, all, threads), all, threads, part, more)()
  // The body says itself how many pairs it made: a chunk of another size would make every figure wrong.
  if (counters.pairs !== pairs) throw new Error(`${counters.pairs} pairs were made, not ${pairs}: see CHUNK`)
}

async function countOperations(): Promise<ByKind> {
  const counts: Record<string, number> = {}
  const realm = Atomics as unknown as Record<string, (...args: unknown[]) => unknown>
  for (const name of Object.getOwnPropertyNames(Atomics)) {
    const engine = realm[name]
    if (typeof engine !== 'function') continue
    counts[name] = 0
    realm[name] = (...args) => {
      counts[name]++
      return engine(...args)
    }
  }
  let turns = 0
  let from = 0
  let perPair: ByKind | undefined
  await loop(pairs => {
    if (++turns === WARM_UP) {
      from = pairs
      for (const name of Object.keys(counts)) counts[name] = 0
    }
    if (turns < WARM_UP + COUNTED) return true
    const unpriced = Object.keys(counts).filter(name => counts[name] > 0 && !KINDS.includes(name as Kind))
    if (unpriced.length > 0) throw new Error(`the loop calls Atomics.${unpriced[0]}, which has no price`)
    perPair = byKind(kind => counts[kind] / (pairs - from))
    return false
  })
  return perPair!
}

async function timeOperations(): Promise<Repeat[]> {
  const prices = new Map(KINDS.map(kind => [kind, pricer(kind)]))
  const repeats: Repeat[] = []
  let turns = 0
  let from = 0
  let started = 0
  const cpu = () => {
    const { user, system } = process.cpuUsage()
    return user + system
  }
  await loop(pairs => {
    if (++turns < WARM_UP) return true
    const spent = cpu() - started
    if (turns > WARM_UP && spent < BLOCK_US) return true
    const opMicros = byKind(kind => prices.get(kind)!(cpu))
    // The first block after the warm-up, and the first run of the pricing loops, are not counted.
    if (turns > WARM_UP) repeats.push({ pairMicros: spent / (pairs - from), opMicros })
    from = pairs
    started = cpu()
    return repeats.length <= REPEATS
  })
  return repeats.slice(1)
}

/** A loop over cells in the first-level cache that does nothing else, unrolled so that the loop itself costs next to nothing. */
function pricer(kind: Kind): (cpu: () => number) => number {
  const cells = new Int32Array(new SharedArrayBuffer(4 * 4096))
  const rest = { load: '', compareExchange: ', 0, 0', and: ', 0', or: ', 0' }[kind as string] ?? ', 1'
  const calls = Array.from({ length: UNROLLED }, (_, n) => `Atomics.${kind}(w, at + ${n}${rest})`).join('\n')
  const body = `for (let n = 0, at = 0; n < turns; n++, at = (at + ${UNROLLED}) & 4095) {\n${calls}\n}`
  const run = new Function('w', 'turns', body) as (w: Int32Array, turns: number) => void
  run(cells, PRICE_TURNS)
  return cpu => {
    const before = cpu()
    run(cells, PRICE_TURNS)
    return (cpu() - before) / (PRICE_TURNS * UNROLLED)
  }
}
