/** What bodies may do besides operations of `Atomics`: promises, time, chance, state, catching all; and what becomes of it. */
import t from 'tap'
import { workspace } from './helpers/cli.ts'

t.jobs = 3

/** A scenario over eight cells. `bodies` is the code of `threads` and what follows, `before` that of the module. */
const scenario = (bodies: string, before = '') => `${before}
export default {
  name: 'x', summary: 'for a test', setup: () => ({ cells: new Int32Array(new SharedArrayBuffer(32)) }),
  threads: {
    ${bodies}
}
`

type Explored = { readonly status: number | null; readonly stdout: string; readonly message: string | undefined }

/** Everything that is drawn comes from the seed: what is found once is found always. */
async function exploring(t: Parameters<typeof workspace>[0], code: string, ...flags: string[]): Promise<Explored> {
  const { write, torture, summary } = workspace(t)
  write({ 'x.mjs': code })
  const budget = flags.includes('--budget') ? [] : ['--budget', '20s']
  const { status, stdout } = await torture('explore', '1*./x.mjs', '--seed', '3', ...budget, ...flags)
  return { status, stdout, message: summary().instances[0].failures[0]?.message }
}

const EARLY = (sleeps: string, asynchronous = '') =>
  scenario(`
    sleeper: { count: 1, run: ${asynchronous} ({ shared: { cells } }) => { if (Atomics.load(cells, 0) === 0) ${sleeps} } },
    waker: { count: 1, run: ({ shared: { cells } }) => { Atomics.store(cells, 0, 1); Atomics.notify(cells, 1) } },
  }`)

t.test('a deadlock names the cell, and who notified it too early', { buffered: true }, async t => {
  const expected = /^deadlock: sleeper\[0\] waits on cells\[1\] \(waker\[0\] notified it before, in step \d+\)$/
  const { status, message } = await exploring(t, EARLY('Atomics.wait(cells, 1, 0)'))
  t.equal(status, 1)
  t.match(message, expected)
  const asynchronous = await exploring(t, EARLY('await Atomics.waitAsync(cells, 1, 0).value', 'async'))
  t.equal(asynchronous.status, 1, 'in a body that awaits as well')
  t.match(asynchronous.message, expected)
})

t.test('awaiting a notify that always comes is explored to the end', { buffered: true }, async t => {
  const { status, stdout } = await exploring(
    t,
    scenario(`
    sleeper: { count: 1, run: async ({ shared: { cells } }) => {
      const { async, value } = Atomics.waitAsync(cells, 0, 0)
      const result = async ? await value : value
      if (Atomics.load(cells, 0) !== 1) throw new Error('woken by nobody: ' + result)
      await Promise.resolve()
      return Atomics.add(cells, 1, 1)
    } },
    waker: { count: 1, run: ({ shared: { cells } }) => { Atomics.store(cells, 0, 1); Atomics.notify(cells, 0) } },
  },
  check: ({ shared: { cells } }) => { if (Atomics.load(cells, 1) !== 1) throw new Error('not done') }`),
  )
  t.equal(status, 0)
  t.match(stdout, /proof {4}all \d+ classes/)
})

t.test(
  'a notify of a promise wakes no thread that sleeps for something else, or is gone',
  { buffered: true },
  async t => {
    const { status } = await exploring(
      t,
      scenario(`
    both: { count: 1, run: ({ shared: { cells } }) => {
      Atomics.waitAsync(cells, 0, 0)
      const result = Atomics.wait(cells, 1, 0)
      if (result !== 'ok') throw new Error(result)
    } },
    waker: { count: 1, run: ({ shared: { cells } }) => {
      Atomics.notify(cells, 0)
      while (Atomics.notify(cells, 1) === 0);
      Atomics.store(cells, 2, 1)
      Atomics.notify(cells, 0)
    } },
  }`),
    )
    t.equal(status, 0)
  },
)

t.test('a body that awaits a timer is not under control', { buffered: true }, async t => {
  const late = `async ({ shared: { cells } }) => {
      Atomics.add(cells, 0, 1)
      await new Promise(resolve => setTimeout(resolve, 1))
      while (Atomics.notify(cells, 1) === 0);
    }`
  const sleeper = `({ shared: { cells } }) => { Atomics.add(cells, 0, 1); Atomics.wait(cells, 1, 0) }`
  for (const [first, second] of [
    [late, sleeper],
    [sleeper, late],
  ]) {
    const { status, stdout } = await exploring(
      t,
      scenario(`first: { count: 1, run: ${first} }, second: { count: 1, run: ${second} } }`),
    )
    t.equal(status, 4, 'whatever thread it is')
    t.match(stdout, /why {6}a body awaits something that is neither settled nor Atomics\.waitAsync/)
    t.notMatch(stdout, 'proof')
  }
})

t.test('what only others could bring, and they stand still, is no hang', { buffered: true }, async t => {
  const { status, stdout } = await exploring(t, scenario(`first: { count: 1, run: () => new Promise(() => {}) } }`))
  t.equal(status, 4)
  t.match(stdout, /why {6}a body awaits something .*, in vain while the other threads stand still/)
  t.notMatch(stdout, 'HANG')
})

t.test('nor is it a deadlock to wait for a worker of its own', { buffered: true }, async t => {
  const code = `const cell = new Int32Array(workerData); Atomics.store(cell, 0, 1); Atomics.notify(cell, 0)`
  const { status, stdout } = await exploring(
    t,
    scenario(
      `
    starter: { count: 1, run: () => {
      const cell = new Int32Array(new SharedArrayBuffer(4))
      new Worker("const { workerData } = require('node:worker_threads'); ${code}", { eval: true, workerData: cell.buffer })
      Atomics.wait(cell, 0, 0)
    } } }`,
      `import { Worker } from 'node:worker_threads'`,
    ),
  )
  t.equal(status, 4)
  t.match(stdout, /why {6}a thread starts workers of its own \(new Worker\), and they take no turns/)
  t.notMatch(stdout, 'HANG')
})

t.test('state outside of the shared memory is noticed, with the step', { buffered: true }, async t => {
  const { status, stdout } = await exploring(
    t,
    scenario(
      `
    adder: { count: 2, run: ({ shared: { cells } }) => {
      Atomics.add(cells, 0, 1)
      if (++calls % 2 === 0) Atomics.load(cells, 1)
    } } }`,
      'let calls = 0',
    ),
    '--budget',
    '3s',
  )
  t.equal(status, 4)
  t.match(stdout, /uncontrolled nondeterminism: the same schedule did something else: step \d+ was .*load cells\[1\]/)
})

t.test('nothing is proved of what does something else now and then', { buffered: true }, async t => {
  const { status, stdout } = await exploring(
    t,
    scenario(
      `
    adder: { count: 2, run: ({ shared: { cells } }) => {
      if (++calls % 7 === 3) Atomics.add(cells, 1, 1)
      Atomics.load(cells, 1)
    } } }`,
      'let calls = 0',
    ),
    '--budget',
    '3s',
  )
  t.equal(status, 4)
  t.match(stdout, /uncontrolled nondeterminism: the same schedule did something else/)
  t.notMatch(stdout, 'proof')
})

t.test('time and chance are virtual, and repeat', { buffered: true }, async t => {
  const code = scenario(`
    looker: { count: 2, run: ({ shared: { cells } }) => {
      Atomics.add(cells, 0, 1)
      const seen = [Date.now(), new Date().getTime(), performance.now(), ...process.hrtime(), Math.random(), Math.random()]
      Atomics.wait(cells, 1, 0, 3_600_000)
      return [...seen, Math.round(performance.now() / 3_600_000)]
    } } },
  check: ({ threads }) => { throw new Error(JSON.stringify(threads.looker)) }`)
  const started = Date.now()
  const [one, two] = await Promise.all([exploring(t, code), exploring(t, code)])
  t.ok(Date.now() - started < 3_600_000, 'nobody sleeps for an hour')
  t.equal(one.status, 1)
  t.equal(one.message, two.message)
  const [first, second] = JSON.parse(one.message!) as number[][]
  const early = first[0] < second[0] ? first : second
  t.equal(early[0], Date.UTC(2026, 0, 1))
  t.equal(early.at(-1), 1, 'an hour later')
  t.not(first[5], first[6])
  t.not(first[5], second[5], 'a stream for each thread')
})

t.test('threads that never meet: no answer', { buffered: true }, async t => {
  const { status, stdout } = await exploring(
    t,
    scenario(`apart: { count: 2, run: ({ index, shared: { cells } }) => Atomics.add(cells, index, 1) } }`),
  )
  t.equal(status, 4)
  t.match(stdout, 'nothing was contended')
  t.match(stdout, /^next {7}torture run /m, 'no body calls more(): --ops would change nothing')
})

t.test('handles are opened in the order of the threads', { buffered: true }, async t => {
  const { status, stdout } = await exploring(
    t,
    scenario(`
    opener: {
      count: 3,
      open: ({ index, shared: { cells } }) => { Atomics.store(cells, index, Atomics.add(cells, 7, 1)) },
      run: ({ shared: { cells } }) => { Atomics.add(cells, 6, 1) },
    } },
  check: ({ shared: { cells } }) => {
    for (let n = 0; n < 3; n++) if (Atomics.load(cells, n) !== n) throw new Error('out of order: ' + cells)
  }`),
  )
  t.equal(status, 0)
  t.match(stdout, 'proof    all 6 classes', 'and nothing but the bodies is switched')
})

t.test('looking at a cell again and again in open does not hold the body back', { buffered: true }, async t => {
  const { status } = await exploring(
    t,
    scenario(`
    adder: { count: 2,
      open: ({ shared: { cells } }) => { for (let n = 0; n < 9; n++) Atomics.load(cells, 1) },
      run: ({ shared: { cells } }) => { Atomics.store(cells, 0, Atomics.load(cells, 0) + 1) } },
  },
  check: ({ shared: { cells } }) => { if (Atomics.load(cells, 0) !== 2) throw new Error('lost') }`),
  )
  t.equal(status, 1)
})

t.test('an invariant that does not hold for one step is seen', { buffered: true }, async t => {
  const { status, message } = await exploring(
    t,
    scenario(`
    setter: { count: 2, run: ({ index, shared: { cells } }) => {
      Atomics.store(cells, index, 1)
      Atomics.store(cells, index, 0)
    } } },
  always: ({ shared: { cells } }) => {
    if (Atomics.load(cells, 0) === 1 && Atomics.load(cells, 1) === 1) throw new Error('both at once')
  }`),
  )
  t.equal(status, 1)
  t.equal(message, 'both at once')
})

t.test('a loop that gives up after fifty times is let run on', { buffered: true }, async t => {
  const { status, message } = await exploring(
    t,
    scenario(`
    spinner: { count: 1, run: ({ shared: { cells } }) => {
      for (let n = 0; Atomics.load(cells, 0) === 0; n++) if (n === 50) throw new Error('gave up')
    } },
    setter: { count: 1, run: ({ shared: { cells } }) => { Atomics.store(cells, 0, 1) } } }`),
  )
  t.equal(status, 1)
  t.equal(message, 'gave up')
})

/** Another thread fails while the catcher is under way. */
const CATCHER = (loop: string) =>
  scenario(`
    catcher: { count: 1, run: ({ shared: { cells } }) => {
      ${loop} try { Atomics.add(cells, 0, 1) } catch {}
    } },
    thrower: { count: 1, run: ({ shared: { cells } }) => {
      if (Atomics.load(cells, 0) === 3) throw new Error('three')
    } } }`)

t.test('a body that catches everything is left', { buffered: true }, async t => {
  const { status, message } = await exploring(t, CATCHER('for (let n = 0; n < 20; n++)'))
  t.equal(status, 1)
  t.equal(message, 'three')
})

t.test('one that never leaves is a hang', { buffered: true }, async t => {
  const { status, stdout } = await exploring(t, CATCHER('for (;;)'), '--hang-after', '1s')
  t.equal(status, 1)
  t.match(stdout, /HANG: catcher\[0\] running, asleep for .* in wait/)
  t.match(stdout, /^ +thrower\[0\] +suspended$/m, 'who waits for its turn has not necessarily returned')
})

// Before it was told apart: a hang of a thread that "awaits a promise", as its analysis took longer than the limit.
t.test('what the search makes of a long execution is no hang', { buffered: true }, async t => {
  const long = scenario(`
    adder: {
      count: 2,
      run: ({ shared: { cells } }) => {
        for (let n = 0; n < 60_000; n++) Atomics.add(cells, n & 1, 1)
      },
    },
  }`)
  const { status, message } = await exploring(
    t,
    long,
    ...['--strategy', 'dpor', '--executions', '14', '--cpus', '1', '--hang-after', '200ms'],
  )
  t.same([status, message], [0, undefined])
})
