/** Litmus tests in a guest: what real threads show, and what the scheduler finds to be all there is. */
import { availableParallelism } from 'node:os'
import t from 'tap'
import type { InstanceResult, PlannedInstance } from '../results/schema.ts'
import { EXPLORE } from '../torture/plan/explore.ts'
import { bundleGuest, instanceOf, runGuest } from './helpers/guest.ts'

const SEATS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  sb: { left: 1, right: 1 },
  mp: { writer: 1, reader: 1 },
  '2-2w': { left: 1, right: 1 },
  corw: { one: 1, other: 1 },
  'wait-count': { sleeper: 1, waker: 1 },
}

const bundle = await bundleGuest(
  Object.fromEntries(Object.keys(SEATS).map(name => [name, `scenarios/litmus/${name}.ts`])),
)
t.teardown(bundle.remove)

async function outcomesOf(name: string, changes: Partial<PlannedInstance>): Promise<InstanceResult> {
  const { result } = await runGuest(bundle, instanceOf(name, SEATS[name]!, changes))
  return result!
}

const seen = ({ outcomes }: InstanceResult) =>
  outcomes!.rows.filter(({ count }) => count > 0).map(({ outcome }) => outcome)

t.test('real threads: plain store buffering shows what its processor does', async t => {
  const result = await outcomesOf('sb', { params: { access: 'plain' }, durationMs: 1500 })
  t.match(result, { verdict: 'pass', outcomes: { arch: process.arch, observes: ['left: y', 'right: x'] } })
  const { rows } = result.outcomes!
  t.equal(
    rows.reduce((sum, { count }) => sum + count, 0),
    result.rounds,
    'one outcome a round',
  )
  t.ok(Math.abs(rows.reduce((sum, { share }) => sum + share, 0) - 1) < 1e-9)
  // Measured: 13 in 100 rounds, and not less where the machine is crowded. Were it 1 in 100, none in 10,000 rounds would
  // have probability 2e-44.
  if (availableParallelism() > 1 && result.rounds > 10_000)
    t.ok(rows.find(({ outcome }) => outcome === '0,0')!.count > 0)
})

t.test('real threads: atomic accesses show nothing that is forbidden', async t => {
  for (const name of ['sb', 'mp'])
    t.match(await outcomesOf(name, { params: { access: 'atomic' } }), { verdict: 'pass' })
})

const SETS: Readonly<Record<string, readonly string[]>> = {
  sb: ['0,1', '1,0', '1,1'],
  mp: ['0,0', '0,1', '1,1'],
  '2-2w': ['1,2', '2,1', '2,2'],
  corw: ['0,1', '0,2', '2,1'],
  'wait-count': ['0,1', '1,0'],
}

const explored = (explore: Partial<typeof EXPLORE>, access: string): Partial<PlannedInstance> => ({
  mode: 'explore',
  explore: { ...EXPLORE, ...explore },
  params: { access },
  durationMs: 20_000,
  jitter: 'off',
  cpus: 1,
})

t.test('the scheduler: exactly these outcomes, certified', async t => {
  for (const [name, set] of Object.entries(SETS)) {
    const result = await outcomesOf(name, explored({ strategy: 'dpor' }, 'atomic'))
    t.equal(result.verdict, 'pass', name)
    t.match(result.exploration!.certificate, /classes of interleavings explored/, name)
    t.same(seen(result), set, name)
  }
})

t.test('the scheduler: store buffers add the weak outcome, and orders take it away', async t => {
  const weak = async (name: string, memoryModel: 'tso' | 'pso', access: string) => {
    const result = await outcomesOf(name, explored({ strategy: 'random', executions: 1500, memoryModel }, access))
    return seen(result).filter(key => !SETS[name]!.includes(key))
  }
  // Measured: one in five executions, and one in ten; none in 1,500 would have probability 1e-68.
  t.same(await weak('sb', 'tso', 'relaxed'), ['0,0'])
  t.same(await weak('mp', 'pso', 'relaxed'), ['1,0'])
  t.same(await weak('mp', 'tso', 'relaxed'), [])
  t.same(await weak('mp', 'pso', 'release-acquire'), [])
})
