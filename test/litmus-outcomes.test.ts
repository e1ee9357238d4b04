/** Outcomes: known by number where they are small, by text where they are not, and always the same. */
import t from 'tap'
import { checkScenario } from '../torture/bundle/contract.ts'
import { makeControl } from '../torture/guest/control.ts'
import { Reporter } from '../torture/guest/report/report.ts'
import { Grading, outcomesOf, outcomesProblem, outcomeTable } from '../torture/guest/rounds/outcomes.ts'
import { NO_CODE, Values, valueBytes } from '../torture/guest/rounds/values.ts'
import { acceptable, forbidden, interesting } from '../torture/scenario.ts'

/** Two threads' values over one memory. */
function pair(copies = 2): [Values, Values] {
  const memory = new SharedArrayBuffer(valueBytes(copies, 2))
  return [new Values(memory, 2, 0, undefined, []), new Values(memory, 2, 1, undefined, [])]
}

t.test('small whole numbers make one number, different for different ones', async t => {
  const [one, two] = pair()
  const codes = new Set<number>()
  const returned: [unknown, unknown][] = [
    [0, 0],
    [0, 1],
    [1, 0],
    [[0, 0], undefined],
    [[0], [0, 0]],
    [[0, 0, 0], undefined],
    [undefined, undefined],
    [7, [7, 7]],
  ]
  for (const [left, right] of returned) {
    one.put(1, left)
    two.put(1, right)
    codes.add(one.code(1))
  }
  t.notOk(codes.has(NO_CODE))
  // What is flattened alike is one outcome.
  t.equal(codes.size, returned.length - 2)
})

t.test('what is large, negative or no whole number has none, and is counted all the same', async t => {
  const counted: string[] = []
  const reporter = {
    counter: (name: string) => counted.push(name) - 1,
    add: () => {},
  } as unknown as Reporter
  const grading = new Grading({ '8,-1': acceptable('large') }, reporter, 2)
  const [one, two] = pair()
  one.put(0, 8)
  two.put(0, -1)
  t.equal(one.code(0), NO_CODE)
  t.equal(grading.take(one, 0, undefined), undefined)
  two.put(0, 0.5)
  t.match(grading.take(one, 0, undefined), /outcome 8,0.5 is not listed/)
  t.same(counted, ['outcome:8,-1', 'outcome:8,0.5'])
})

t.test('what is not listed is counted by itself up to a limit', async t => {
  const control = makeControl(1)
  const reporter = new Reporter({ postMessage: () => {} } as never, control, 0)
  const grading = new Grading({}, reporter, 2)
  const [one, two] = pair()
  for (let n = 0; n < 1000; n++) {
    one.put(0, n)
    two.put(0, 9)
    grading.take(one, 0, undefined)
  }
  t.equal(
    control.slots.reduce((sum, n) => sum + n, 0),
    1000,
    'no round is lost',
  )
  t.ok(control.slots.indexOf(0) <= 65)
})

t.test('final numbers follow those returned', async t => {
  const names: string[] = []
  const reporter = { counter: (name: string) => names.push(name), add: () => {} } as unknown as Reporter
  const grading = new Grading({ '1,2': forbidden('too late'), '1,2,3': acceptable('fine') }, reporter, 2)
  const [one, two] = pair()
  one.put(0, 1)
  two.put(0, undefined)
  t.match(grading.take(one, 0, 2), 'outcome 1,2 is forbidden: too late')
  t.equal(grading.take(one, 0, [2, 3]), undefined)
  t.same(names, ['outcome:1,2', 'outcome:1,2,3'])
})

t.test('the table has what is listed in its order, then what is not', async t => {
  const outcomes = { '0,0': interesting('both early'), '1,1': acceptable('both late') }
  const table = outcomeTable({ outcomes, observes: ['x', 'y'] }, { rounds: 9, 'outcome:1,1': 3, 'outcome:2,2': 1 })
  t.match(table, { arch: process.arch, observes: ['x', 'y'] })
  t.same(
    table.rows.map(({ outcome, count, share, grade }) => [outcome, count, share, grade]),
    [
      ['0,0', 0, 0, 'interesting'],
      ['1,1', 3, 0.75, 'acceptable'],
      ['2,2', 1, 0.25, 'unlisted'],
    ],
  )
})

t.test('a list may depend on parameters and on the machine', async t => {
  const scenario = { outcomes: ({ params, arch }: any) => ({ '0': acceptable(`${params.access} on ${arch}`) }) }
  t.same(outcomesOf(scenario as never, { params: { access: 'plain' } }), {
    '0': acceptable(`plain on ${process.arch}`),
  })
  t.throws(() => outcomesOf({ outcomes: () => 5 } as never, { params: {} }), /outcomes must be an object/)
})

t.test('mistakes are named before anything starts', async t => {
  t.match(outcomesProblem({ '0, 1': acceptable('blank') }), /outcomes\['0, 1'\] never occurs/)
  t.match(outcomesProblem({ '0,1': 'acceptable' }), /outcomes\['0,1'\] must be acceptable\('why'\)/)
  const scenario = { name: 'a', summary: 'b', setup: () => {}, threads: { one: { run: () => {} } } }
  t.equal(checkScenario({ ...scenario, outcomes: {}, observes: ['x'], final: () => 0 }), undefined)
  t.match(checkScenario({ ...scenario, outcomes: { '0': { grade: 'good', why: '' } } }), /outcomes\['0'\]/)
  t.match(checkScenario({ ...scenario, observes: 'x' }), /observes must be a list of names/)
  t.match(checkScenario({ ...scenario, final: 3 }), /final must be a function/)
})
