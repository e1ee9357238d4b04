/**
 * A user's scenario over a package from the registry, explored from a folder of its own: found, explained, replayed and
 * emitted.
 */
import { execFile } from 'node:child_process'
import { renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { workspace } from './helpers/cli.ts'
import { temporaryFolder } from './helpers/folders.ts'

/** Captures what it needs of Atomics when it is imported, and forgets that a lock may be taken after it was seen free. */
const LOCK = `'use strict'
const { load, store, compareExchange, wait, notify } = Atomics
const [FREE, HELD, CONTENDED] = [0, 1, 2]

class TinyLock {
  constructor(cells, at) {
    this.cells = cells
    this.at = at
  }

  lock() {
    if (compareExchange(this.cells, this.at, FREE, HELD) === FREE) return
    while (load(this.cells, this.at) !== FREE) wait(this.cells, this.at, CONTENDED)
    store(this.cells, this.at, CONTENDED)
  }

  unlock() {
    store(this.cells, this.at, FREE)
    notify(this.cells, this.at, 1)
  }
}

module.exports = { TinyLock }
`
const USER = `import { TinyLock } from 'tiny-lock'

export default {
  name: 'counts',
  summary: 'two threads count under the lock of a package',
  setup: () => ({ lock: new Int32Array(new SharedArrayBuffer(4)), counter: new Int32Array(new SharedArrayBuffer(4)) }),
  threads: {
    adder: {
      count: 2,
      open: ({ shared }) => new TinyLock(shared.lock, 0),
      run: ({ shared: { counter }, local: lock }) => {
        for (let n = 0; n < 2; n++) {
          lock.lock()
          const value = Atomics.load(counter, 0)
          Atomics.store(counter, 0, value + 1)
          lock.unlock()
        }
      },
    },
  },
  check: ({ shared: { counter } }) => {
    if (Atomics.load(counter, 0) !== 4) throw new Error('no addition is lost')
  },
}
`

t.test('a package with a bug: found, explained, replayed, emitted', async t => {
  const { dir, write, torture } = workspace(t)
  write({
    'node_modules/tiny-lock/package.json': '{ "name": "tiny-lock", "version": "1.0.0", "main": "lock.js" }',
    'node_modules/tiny-lock/lock.js': LOCK,
    'x.mjs': USER,
  })
  const found = await torture('explore', './x.mjs', '--cpus', '1', '--emit', 'found.test.mjs')
  t.equal(found.status, 1, found.stderr)
  t.match(found.stdout, 'check    no addition is lost')
  t.match(found.stdout, /store lock\[0\] ← 2 .*lock\.js:14:5/, 'cells and lines of the package')
  t.match(found.stdout, /load counter\[0\] → \d .*x\.mjs:14:33/, 'and of the scenario')
  t.match(found.stdout, /^next {7}torture replay counts\.1\/failures\/1$/m)

  const replays = [1, 2].map(() => torture('replay', 'counts.1/failures/1', '--times', '10'))
  for (const { status, stdout, stderr } of await Promise.all(replays)) {
    t.equal(status, 1, stderr)
    t.match(stdout, '✖ fails again, 10 of 10 times: check: no addition is lost')
  }

  // Somewhere else, with nothing around it.
  const alone = temporaryFolder(t)
  renameSync(join(dir, 'found.test.mjs'), join(alone, 'found.test.mjs'))
  rmSync(dir, { recursive: true })
  for (let n = 0; n < 2; n++) {
    const { status, stdout } = await nodeTest(alone, 'found.test.mjs')
    t.equal(status, 1)
    t.match(stdout, /not ok 1 - counts: no addition is lost/)
  }
})

function nodeTest(cwd: string, file: string): Promise<{ readonly status: number; readonly stdout: string }> {
  return new Promise(resolve => {
    const env = { PATH: process.env.PATH }
    execFile(process.execPath, ['--test', '--test-reporter=tap', file], { cwd, env }, (error, stdout) =>
      resolve({ status: Number(error?.code ?? 0), stdout }),
    )
  })
}
