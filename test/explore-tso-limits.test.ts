/** The partial-order reduction under total store order: litmus tests, threads that spin, and full store buffers. */
import t from 'tap'
import { SharedRandom } from '../torture/explore/schedule/random.ts'
import type { Scenario } from '../torture/scenario.ts'
import { outcomesOf } from './helpers/models.ts'
import { record, subjectOf } from './helpers/recorded.ts'
import { byDpor, compare } from './helpers/tso-classes.ts'
import {
  add,
  finished,
  load,
  loop,
  operation,
  pick,
  programOf,
  type Step,
  store,
  TIMES,
  X,
  Y,
} from './helpers/tso-programs.ts'

const LITMUS = '2-2w corr corw cowr coww iriw isa2 lb mp r s sb wrc wait-count wait-visible'.split(' ')
for (const name of LITMUS)
  t.test(`litmus ${name}`, async t => {
    const { default: scenario } = (await import(`../scenarios/litmus/${name}.ts`)) as { default: Scenario }
    const accesses = scenario.params === undefined ? ['atomic'] : ['atomic', 'release-acquire', 'relaxed']
    for (const access of accesses) {
      const subject = subjectOf(scenario, { access })
      const { dpor, outcomes } = byDpor(subject)
      t.equal(dpor.exhausted, true, `${access}: ${dpor.classes} classes`)
      record()
      const allowed = finished(outcomesOf(subject, 'tso'))
      t.strictSame(finished(new Set(outcomes.values())), allowed, `${access}: ${allowed.length} outcomes`)
    }
  })

const SPINS: readonly (readonly (readonly Step[])[])[] = [
  [
    [store(X, 1, 'relaxed'), loop(Y, 1, 'acquire')],
    [store(Y, 1, 'relaxed'), loop(X, 1, 'acquire')],
  ],
  [
    [store(X, 1, 'relaxed'), loop(X, 2, 'relaxed')],
    [loop(X, 1, 'relaxed'), store(X, 2, 'release')],
  ],
  [[store(X, 2, 'relaxed'), store(X, 1, 'relaxed'), loop(X, 2, 'relaxed')], [add(X, 'full')]],
  [
    [store(X, 1, 'relaxed'), loop(Y, 1, 'full')],
    [loop(X, 1, 'full'), store(Y, 1, 'relaxed')],
  ],
  [
    [loop(X, 1, 'relaxed'), load(Y, 'relaxed')],
    [store(X, 1, 'relaxed'), store(X, 0, 'relaxed'), store(X, 1, 'relaxed')],
  ],
  [
    [loop(X, 1, 'acquire'), load(Y, 'relaxed')],
    [store(Y, 1, 'relaxed'), store(X, 1, 'release')],
    [store(Y, 2, 'relaxed')],
  ],
  [
    [loop(X, 1, 'acquire'), store(Y, 1, 'relaxed'), load(X, 'relaxed')],
    [add(X, 'full'), loop(Y, 1, 'relaxed')],
    [add(X, 'full')],
  ],
]
t.test('threads that spin', async t => {
  for (const threads of SPINS) {
    const subject = programOf(threads)
    const { wrong, classes, all } = compare(subject, { spins: true })
    t.equal(wrong, '', `${subject.text}: ${classes} classes of ${all} schedules`)
  }
})

t.test(`${6 * TIMES} programs in which one thread spins`, async t => {
  const random = new SharedRandom(new Uint32Array(4))
  random.seed(TIMES)
  for (let n = 0; n < 6 * TIMES; n++) {
    const steps = (length: number) => Array.from({ length }, () => operation(random, { waits: false }))
    const order = pick(random, ['full', 'relaxed', 'acquire'] as const)
    const spinner = [...steps(random.below(2)), loop(random.below(2), 1, order), ...steps(random.below(2))]
    const subject = programOf([spinner, steps(2), ...(random.below(2) === 0 ? [steps(1)] : [])])
    const { wrong } = compare(subject, { spins: true })
    if (wrong !== '') t.fail(`${subject.text}: ${wrong}`)
  }
})

t.test('a store too many waits for the oldest', async t => {
  const fill = Array.from({ length: 17 }, (_, n) => store(X, n + 1, 'relaxed'))
  const subject = programOf([
    [...fill, load(Y, 'relaxed')],
    [store(Y, 1, 'full'), load(X, 'full')],
  ])
  const { dpor, outcomes, misordered } = byDpor(subject)
  t.strictSame(misordered, [])
  t.ok(dpor.exhausted)
  t.equal(dpor.classes, 17 + 18, 'where the load of X lies among the stores, and if the one of Y finds 1; not (0, 0)')
  t.equal(new Set(outcomes.values()).size, 17 + 18)
})
