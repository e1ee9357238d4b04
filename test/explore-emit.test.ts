/** An emitted test fails every time where nothing else is, and stands for its failure: fixed, it passes. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { withNewBundle } from '../torture/bundle/make.ts'
import type { ScenarioDescription } from '../torture/bundle/manifest.ts'
import { type Emission, emitTest } from '../torture/explore/report/emit.ts'
import { workspace } from './helpers/cli.ts'
import { emitted, run } from './helpers/emitted.ts'

/** A lock that looks and then takes, of a package that captures what it needs at import; and one for CommonJS. */
const PACKAGES = {
  'node_modules/tiny-lock/package.json': '{ "name": "tiny-lock", "type": "module", "main": "index.js" }',
  'node_modules/tiny-lock/index.js': `
    const { load, store } = Atomics
    export class TinyLock {
      constructor(cells) { this.cells = cells }
      lock() {
        while (load(this.cells, 0) !== 0);
        store(this.cells, 0, 1)
      }
      unlock() { store(this.cells, 0, 0) }
    }`,
  'node_modules/two-inside/package.json': '{ "name": "two-inside", "main": "index.js" }',
  'node_modules/two-inside/index.js': `
    const assert = require('node:assert')
    const { add } = Atomics
    exports.enter = cells => assert.ok(add(cells, 1, 1) === 0, 'two are inside')
    exports.leave = cells => void add(cells, 1, -1)`,
}

const LOCKED = `
  import { TinyLock } from 'tiny-lock'
  import { enter, leave } from 'two-inside'
  const answer = await Promise.resolve({ not: 'a number' })
  export default {
    name: 'locked', summary: 'a critical section',
    setup: () => ({ cells: new Int32Array(new SharedArrayBuffer(8)) }),
    threads: { user: { count: 2, open: ({ shared }) => new TinyLock(shared.cells), run: ({ local, shared, more }) => {
      while (more()) {
        local.lock()
        enter(shared.cells)
        leave(shared.cells)
        local.unlock()
      }
      return answer
    } } },
  }
`

/** A wake-up that comes before the wait. */
const SLEEPS = `export default {
  name: 'sleeps', summary: 'a lost wake-up',
  setup: () => ({ flag: new Int32Array(new SharedArrayBuffer(8)) }),
  threads: {
    waiter: { run: ({ shared: { flag } }) => { if (Atomics.load(flag, 0) === 0) Atomics.wait(flag, 1, 0) } },
    waker: { run: ({ shared: { flag } }) => { Atomics.store(flag, 0, 1); Atomics.notify(flag, 1) } },
  },
}
`

/** Edits the copy of the scenario. */
function edit(file: string, from: RegExp, to: string): void {
  const text = readFileSync(file, 'utf8')
  if (!from.test(text)) throw new Error(`${file} has no ${from}`)
  writeFileSync(file, text.replace(from, to))
}

t.test('packages and all, it fails every time; with the lock mended it passes', async t => {
  const space = workspace(t)
  space.write({ ...PACKAGES, 'locked.torture.mjs': LOCKED })
  const file = await emitted(t, space, './locked.torture.mjs', '--seed', '11')
  const text = readFileSync(file, 'utf8')
  const [first, , failure] = text.split('\n')
  t.match(first, /^\/\/ Emitted by torture/)
  t.match(failure, /^\/\/ exception in user\[\d\]: two are inside$/)
  t.match(text, /^\/\/ step {2}user\[0\] +user\[1\]$/m, 'with the interleaving')
  t.match(text, /^const SCHEDULE = "[\w.,]+"$/m)
  t.notMatch(text, space.dir, 'it does not say where it was made')
  const parts = [
    'const SCHEDULE',
    'test(',
    '// The scenario and its packages',
    'TinyLock = class',
    '// What carries the schedule',
  ]
  const places = parts.map(part => text.indexOf(part))
  t.strictSame(
    places,
    places.toSorted((a, b) => a - b),
    'first what is tested, last what tests it',
  )
  t.ok(places[0] > 0)

  const runs = [await run(file), await run(file, '--test')]
  for (let n = 0; n < 3; n++) runs.push(...(await Promise.all([run(file), run(file)])))
  for (const { failed, said } of runs) {
    t.ok(failed)
    t.match(said, 'two are inside')
    t.match(said, /^[#ℹ] fail 1$/m)
  }

  edit(file, /while \(\w+\(this\.cells, 0\) !== 0\)/, 'while (Atomics.compareExchange(this.cells, 0, 0, 1) !== 0)')
  const mended = await run(file)
  t.notOk(mended.failed, mended.said)
  t.match(mended.said, /^[#ℹ] pass 1$/m)
})

t.test('a deadlock, and a fix that the schedule does not fit', async t => {
  const space = workspace(t)
  space.write({ 'sleeps.mjs': SLEEPS })
  const file = await emitted(t, space, './sleeps.mjs')
  const before = await run(file)
  t.ok(before.failed)
  t.match(before.said, /HANG in waiter\[0\]: deadlock: waiter\[0\] waits on flag\[1\]/)
  edit(file, /if \(Atomics\.load\(flag, 0\) === 0\) Atomics\.wait\(flag, 1, 0\)/, 'return')
  const after = await run(file)
  t.notOk(after.failed, after.said)
  t.match(after.said, /[#ℹ] from step \d+ on the schedule does not fit the code any more: waiter\[0\] could not go on/)
})

t.test('what cannot be copied into one file is refused in one line', async t => {
  const { dir, write } = workspace(t)
  write({
    'node_modules/at-home/package.json': '{ "name": "at-home", "main": "index.js" }',
    'node_modules/at-home/index.js': "exports.files = require('fs').readdirSync(__dirname)",
    'data.txt': 'some',
    'package.mjs': `import 'at-home'\n${SLEEPS.replace("'sleeps'", "'package'")}`,
    'asset.mjs': `import { readFileSync } from 'node:fs'
      export const text = readFileSync(new URL('./data.txt', import.meta.url), 'utf8')
      ${SLEEPS.replace("'sleeps'", "'asset'")}`,
    'counts.mjs': `let executions = 0
      ${SLEEPS.replace("'sleeps'", "'counts'").replace('if (', 'if (++executions > 3 && ')}`,
    'hidden.mjs': `if (!/bundle/.test(import.meta.url)) throw new Error('far from home')
      ${SLEEPS.replace("'sleeps'", "'hidden'")}`,
  })
  const user = ['package', 'asset', 'hidden', 'counts'].map(name => join(dir, `${name}.mjs`))
  await withNewBundle({ scenarios: [], bugs: [], user }, async bundle => {
    const emit = (n: number) => emitTest({ ...found(bundle.user[n]), bundle, file: join(dir, 'x.mjs') })
    await t.rejects(emit(0), { message: /^the scenario imports 'at-home', which cannot be copied into one file: / })
    await t.rejects(emit(1), { message: /^the scenario reads data\.txt, which cannot be copied into one file$/ })
    await t.rejects(emit(2), {
      message: /^outside of its bundle the scenario cannot be carried out: .*far from home$/,
    })
    await t.rejects(emit(3), {
      message: /^carried out alone the schedule does not fail: something that is not under control decides as well, /,
    })
  })
  t.notOk(existsSync(join(dir, 'x.mjs')), 'nothing is left of it')
})

/** What a search would have found in a scenario. */
function found({ name, module }: ScenarioDescription): Pick<Emission, 'failure' | 'interleaving' | 'instance'> {
  const message = 'deadlock: waiter[0] waits on flag[1]'
  return {
    failure: {
      schema: 1,
      id: `${name}.1/failures/1`,
      oracle: 'HANG',
      message,
      seed: 1,
      thread: '',
      round: 0,
      atMs: 0,
      count: 1,
    },
    interleaving: { schema: 1, schedule: 'a2b3a', threads: [], steps: [], ending: [] },
    instance: {
      ...{ name: `${name}.1`, scenario: name, module, mode: 'explore', seed: 1, params: {}, bugs: [], jitter: 'off' },
      threads: [
        { name: 'waiter', count: 1 },
        { name: 'waker', count: 1 },
      ],
      explore: { strategy: 'portfolio', executions: 0, ops: 1, memoryModel: 'sc', focus: [] },
      ...{ durationMs: 0, hangAfterMs: 0, maxMemory: 0, keepGoing: false, cpus: 1, oversubscribed: false },
    },
  }
}
