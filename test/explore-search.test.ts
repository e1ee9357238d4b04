/** A search from its first execution to its last: what it promises in the end, and what withholds that. */
import t from 'tap'
import { workspace } from './helpers/cli.ts'

t.jobs = 2

type Exploration = NonNullable<ReturnType<ReturnType<typeof workspace>['summary']>['instances'][0]['exploration']>

/** Everything that is drawn comes from the seed: what is done once is done always. */
async function searching(
  t: Parameters<typeof workspace>[0],
  code: string,
  ...flags: string[]
): Promise<{ status: number | null; stdout: string; exploration: Exploration }> {
  const { write, torture, summary } = workspace(t)
  write({ 'x.mjs': code })
  const { status, stdout } = await torture('explore', '1*./x.mjs', '--seed', '6', '--budget', '60s', ...flags)
  return { status, stdout, exploration: summary().instances[0].exploration! }
}

const scenario = (threads: string, before = '') => `${before}
export default {
  name: 'x', summary: 'for a test', setup: () => ({ cells: new Int32Array(new SharedArrayBuffer(64)) }),
  threads: { ${threads} },
}
`

/** Between two executions that are done twice, so that nothing but the search itself can notice. */
const ONCE_FEWER = scenario(
  `adder: { count: 2, run: ({ shared: { cells } }) => {
    const times = ++calls === 50 ? 1 : 4
    for (let n = 0; n < times; n++) Atomics.add(cells, 0, 1)
  } }`,
  'let calls = 0',
)

for (const strategy of ['dpor', 'bounded'])
  t.test(`${strategy} says that bodies did not do the same twice`, { buffered: true }, async t => {
    const { status, exploration } = await searching(t, ONCE_FEWER, '--strategy', strategy)
    t.equal(status, 4)
    t.match(exploration.uncontrolled, [`uncontrolled nondeterminism: ${strategy} made the same choices again`])
    t.equal(exploration.certificate, undefined)
  })

/** Who gives up twice touches a cell of the other's, which chance alone makes it do. */
const GIVES_UP = scenario(`
  spinner: { count: 1, run: ({ shared: { cells } }) => {
    let times = 0
    for (let cell = 0; cell < 2; cell++)
      for (let n = 0; Atomics.load(cells, cell) === 0; n++) if (n === 5) { times = Atomics.add(cells, 8, 1) + 1; break }
    if (times === 2) Atomics.add(cells, 4, 1)
  } },
  setter: { count: 1, run: ({ shared: { cells } }) => { for (const cell of [0, 1, 4]) Atomics.add(cells, cell, 1) } }`)

t.test(
  'a cell that threads meet at only after the proof: everything is explored again',
  { buffered: true },
  async t => {
    const { status, exploration } = await searching(t, GIVES_UP)
    t.equal(status, 0)
    t.match(exploration.focus, ['cells[0]', 'cells[1]', 'cells[4]'])
    t.match(exploration.certificate, /classes of interleavings explored.* repeats itself more than 6 times/)
  },
)

/** What follows when the waiter gives up is wrong while the owner is between its second step and its third. */
const givesUpAfter = (looks: number) =>
  scenario(`
  owner: { run: ({ shared: { cells } }) => {
    for (const value of [1, 2, 3]) Atomics.store(cells, 1, value)
    Atomics.store(cells, 0, 1)
  } },
  waiter: { run: ({ shared: { cells }, fail }) => {
    for (let n = 0; n < ${looks}; n++) if (Atomics.load(cells, 0) === 1) return
    if (Atomics.load(cells, 1) === 2 && Atomics.load(cells, 1) === 3) fail('gave up at the wrong moment')
  } }`)

for (const [looks, strategy] of [
  [3, 'dpor'],
  [60, 'portfolio'],
] as const)
  t.test(`a loop that gives up after ${looks} looks may do so at any moment`, { buffered: true }, async t => {
    const { status, exploration } = await searching(t, givesUpAfter(looks), '--strategy', strategy)
    t.equal(status, 1)
    t.equal(exploration.certificate, undefined)
  })

/** A proof that is none does not end the search before its budget. */
const unproved = { executions: 500, uncontrolled: [], certificate: undefined }

t.test('several asynchronous waits of a thread at once: nothing is proved', { buffered: true }, async t => {
  const { status, exploration, stdout } = await searching(
    t,
    scenario(`
  sleeper: { count: 1, run: async ({ shared: { cells } }) => {
    const both = [0, 1].map(cell => Atomics.waitAsync(cells, cell, 0).value)
    await Promise.race(both)
  } },
  waker: { count: 2, run: ({ index, shared: { cells } }) => { Atomics.store(cells, index, 1); Atomics.notify(cells, index) } }`),
    '--executions',
    '500',
  )
  t.equal(status, 0)
  t.match(exploration, { ...unproved, unproved: /several Atomics\.waitAsync/ })
  t.match(stdout, /proof {4}none, although nothing was left to explore: /)
})

t.test('memory that setup did not return: nothing is proved', { buffered: true }, async t => {
  const { status, exploration } = await searching(
    t,
    scenario(
      `adder: { count: 2, run: ({ shared: { cells } }) => { Atomics.add(cells, 0, 1); Atomics.add(mine, 0, 1) } }`,
      'const mine = new Int32Array(new SharedArrayBuffer(4))',
    ),
    '--executions',
    '500',
  )
  t.equal(status, 0)
  t.match(exploration, { ...unproved, unproved: /memory that setup did not return/ })
})
