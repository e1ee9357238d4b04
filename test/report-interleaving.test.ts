/** The interleaving of a failure as people read it. */
import { stripVTControlCharacters } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { width as widthOf } from '../results/format.ts'
import { fold } from '../results/reporters/folded.ts'
import { renderInterleaving } from '../results/reporters/interleaving.ts'
import { type Palette, plainPalette } from '../results/reporters/palette.ts'
import type { Interleaving } from '../results/schema.ts'

type Step = Interleaving['steps'][number]
type Part = Omit<Step, 'step'>

const interleaving = (threads: string[], parts: readonly Part[], more: Partial<Interleaving> = {}): Interleaving => ({
  schema: 1,
  schedule: '',
  threads,
  steps: parts.map((part, step) => ({ step, ...part })),
  ending: ['check in check: no update is lost: 1 !== 2'],
  ...more,
})

const render = (shown: Interleaving, width: number, paint = plainPalette) => renderInterleaving(shown, { width, paint })

const lost = interleaving(
  ['adder[0]', 'adder[1]'],
  [
    { thread: 0, op: 'start', cell: '' },
    { thread: 0, op: 'load', cell: 'cells[0]', read: '0', at: 'lost.mjs:14:19' },
    { thread: 1, op: 'start', cell: '', preempted: true },
    { thread: 1, op: 'load', cell: 'cells[0]', read: '0', at: 'lost.mjs:14:19' },
    { thread: 1, op: 'store', cell: 'cells[0]', read: '0', wrote: '1', at: 'lost.mjs:15:19' },
    { thread: 0, op: 'store', cell: 'cells[0]', read: '1', wrote: '1', from: 4, at: 'lost.mjs:15:19' },
    { thread: 0, op: 'add', cell: 'cells[1]', read: '1', wrote: '3', from: 4, at: 'lost.mjs:16:19' },
  ],
  {
    minimised: {
      foundSteps: 57,
      foundSwitches: 23,
      steps: 7,
      switches: 2,
      tried: 112,
      minimal: true,
      strategy: 'pct',
      executions: 3,
    },
  },
)

t.test('a column a thread, switches, who wrote what was read, and the place in the source', async t => {
  t.equal(
    render(lost, 80),
    `
step  adder[0]             adder[1]
   0  begins
   1  load cells[0] → 0                                           lost.mjs:14:19
      preempted ╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌
   2                       begins
   3                       load cells[0] → 0                      lost.mjs:14:19
   4                       store cells[0] ← 1                     lost.mjs:15:19

   5  store cells[0] ← 1                                          lost.mjs:15:19
   6  add cells[1] 1 → 3  ← step 4 adder[1]                       lost.mjs:16:19

check in check: no update is lost: 1 !== 2
found by pct in execution 3; minimised from 57 steps and 23 switches to 7 and 2
in 112 executions`.slice(1),
  )
})

t.test('a schedule that may hold more than the failure needs says so', async t => {
  const minimised = { ...lost.minimised!, minimal: false }
  t.match(
    render({ ...lost, minimised }, 200),
    /in 112 executions, which were not enough to try everything: it may hold steps that the failure does not need$/,
  )
})

t.test('rounds of a livelock that were not stored are counted', async t => {
  t.match(render({ ...lost, further: 19_872 }, 80), /adder\[1\].*\n {6}and so on for 19\.9 k further steps\n\ncheck/)
})

t.test('in a narrow terminal the places go first, and then the columns', async t => {
  const [heads, ...lines] = render(lost, 44).split('\n')
  t.equal(heads, 'step  adder[0]     adder[1]')
  t.ok(lines.every(line => !line.includes('lost.mjs')))
  t.equal(lines.at(8), '   6  add cells[1] 1 → 3  ← step 4 adder[1]')
  t.equal(render(lost, 42).split('\n')[9], '   6  add cells[1] 1 → 3  ← 4', 'the step says who it was')
  t.match(render(lost, 30), /^ {3}4 {2}adder\[1\] {2}store cells\[0…$/m)
  t.match(render(lost, 40), /^ {6}adder\[0\] preempted ╌+$/m)
})

t.test('many threads are named on each line', async t => {
  const threads = Array.from({ length: 9 }, (_, n) => `worker[${n}]`)
  const many = interleaving(threads, [
    { thread: 8, op: 'exchange', cell: 'vma[3].vm_lock_seq', read: '4', wrote: '5' },
    { thread: 2, op: 'load', cell: 'vma[3].vm_lock_seq', read: '5', from: 0 },
  ])
  t.equal(
    render(many, 80),
    `
   0  worker[8]  exchange vma[3].vm_lock_seq 4 → 5

   1  worker[2]  load vma[3].vm_lock_seq → 5  ← step 0 worker[8]

check in check: no update is lost: 1 !== 2`.slice(1),
  )
})

t.test('every operation says what it did', async t => {
  const said = (part: Partial<Part>) =>
    render(interleaving(['a'], [{ thread: 0, op: '', cell: 'lock', ...part }]), 80)
      .split('\n')[1]
      .slice(6)
  t.equal(said({ op: 'start', cell: '' }), 'begins')
  t.equal(said({ op: 'gate', cell: '' }), 'has opened')
  t.equal(said({ op: 'xor', read: '3', wrote: '2' }), 'xor lock 3 → 2')
  t.equal(said({ op: 'compareExchange', read: '0', wrote: '1', result: 'exchanged' }), 'compareExchange lock 0 → 1 ok')
  t.equal(said({ op: 'compareExchange', read: '1', result: 'failed' }), 'compareExchange lock fails (is 1)')
  t.equal(said({ op: 'wait', read: '0', result: 'sleeps' }), 'wait lock (sleeps)')
  t.equal(said({ op: 'wait', read: '2', result: 'not-equal' }), 'wait lock (is 2, not equal)')
  t.equal(said({ op: 'wait', read: '2', result: 'timed-out' }), 'wait lock (timed out)')
  t.equal(said({ op: 'wake', result: 'ok' }), 'wake lock notified')
  t.equal(said({ op: 'wake', result: 'timed-out' }), 'wake lock timed out')
  t.equal(said({ op: 'notify', result: '1 woken' }), 'notify lock → 1 woken')
  t.equal(said({ op: 'clock', cell: 'the clock', result: '0.002 ms' }), 'clock → 0.002 ms')
  t.equal(said({ op: 'store', wrote: '7', result: 'delayed' }), 'store lock ← 7 (delayed)')
  t.equal(said({ op: 'sub', read: '2', wrote: '1', result: 'delayed' }), 'sub lock 2 → 1 (delayed)')
  t.equal(said({ op: 'drain', read: '0', wrote: '7' }), 'lock ← 7 reaches memory')
  t.equal(said({ op: 'overtake' }), 'the next store to lock overtakes the one before')
  t.equal(said({ op: 'early' }), 'the next load of lock finds an earlier value')
})

const spin: Part[] = [
  { thread: 1, op: 'compareExchange', cell: 'lock', read: '1', result: 'failed' },
  { thread: 1, op: 'load', cell: 'stop', read: '0' },
]

t.test('a loop is shown once', async t => {
  const rounds = Array.from({ length: 413 }, () => spin).flat()
  const looping = interleaving(
    ['a', 'b'],
    [{ thread: 0, op: 'store', cell: 'lock', read: '0', wrote: '1' }, ...rounds, { thread: 1, op: 'start', cell: '' }],
  )
  const lines = render(looping, 80).split('\n').slice(3, 7)
  t.strictSame(
    lines.map(line => line.trim().replace(/ +/g, ' ')),
    ['1 compareExchange lock fails (is 1)', '2 load stop → 0', '⋮ the last 2 repeat 412 times', '827 begins'],
  )
  const one = Array<Part>(5).fill({ thread: 0, op: 'load', cell: 'x', read: '0' })
  t.match(render(interleaving(['a'], one), 80), /⋮ {2}repeats 4 times/)
  t.notMatch(render(interleaving(['a'], one.slice(2)), 80), /⋮/, 'a few are shown')
  const ticking = Array.from({ length: 9 }, (_, n): Part => ({ thread: 0, op: 'clock', cell: '', result: `${n} ms` }))
  t.match(render(interleaving(['a'], ticking), 80), /repeats 8 times/, 'time passes in a loop')
})

const parts = fc.record(
  {
    thread: fc.nat(3),
    op: fc.constantFrom('load', 'store', 'add', 'compareExchange', 'wait', 'wake', 'notify', 'clock', 'start', 'later'),
    cell: fc.constantFrom('', 'x', 'vma[12].vm_lock_seq', 'a\u001b[31mred\nname'),
    read: fc.constantFrom('0', '18446744073709551615n'),
    wrote: fc.constantFrom('1', '2'),
    result: fc.constantFrom('ok', 'timed-out', 'sleeps', '3 woken'),
    from: fc.nat(40),
    at: fc.constantFrom('a.ts:1:2', 'a-file-with-a-long-name.torture.mjs:1041:12'),
    preempted: fc.boolean(),
  },
  { requiredKeys: ['thread', 'op', 'cell'] },
)

t.test('no line is longer than the terminal, and no step is left out', async t => {
  const coloured: Palette = (_, text) => `\u001b[1m${text}\u001b[22m`
  fc.assert(
    fc.property(
      fc.array(parts, { maxLength: 60 }),
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 32, max: 160 }),
      (list, threads, width) => {
        const names = Array.from({ length: threads }, (_, n) => (n === 1 ? 'a-body-with-a-long-name[1]' : `a[${n}]`))
        const given = interleaving(names, list as Part[], { ending: ['fail in a[0]: bad'] })
        const text = render(given, width)
        for (const line of text.split('\n')) if (widthOf(line) > width) throw new Error(`too long: ${line}`)
        const folded = fold(given.steps)
        const steps = folded.reduce((sum, { repeats, period }) => sum + 1 + repeats * period, 0)
        if (steps !== given.steps.length) throw new Error(`${steps} of ${given.steps.length} steps`)
        if (stripVTControlCharacters(render(given, width, coloured)) !== text)
          throw new Error('colours change the text')
      },
    ),
    { numRuns: 400, seed: 1 },
  )
  t.pass()
})

t.test('steps that were not stored are mentioned', async t => {
  const tail = { ...lost, steps: lost.steps.slice(5) }
  const text = render(tail, 80)
  t.match(text, /the first 5 steps are not stored/)
  t.notMatch(text, /← step 4/, 'who wrote is not known any more')
})
