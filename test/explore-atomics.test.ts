/** The controlling `Atomics` against the engine's own: results, errors, conversions and memory, call by call. */
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { build } from 'esbuild'
import t from 'tap'
import type { Report } from './helpers/duel.ts'

const { outputFiles } = await build({
  entryPoints: [fileURLToPath(new URL('./helpers/duel.ts', import.meta.url))],
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  write: false,
})

/** What a worker of its own answers: what it installs in its realm stays there. */
const answer = <T>(duel: { task: string; seeds?: number; calls?: number }): Promise<T> =>
  new Promise((resolve, reject) => {
    const worker = new Worker(outputFiles[0].text, { eval: true, workerData: { duel }, execArgv: [] })
    worker.once('message', (told: T) => {
      resolve(told)
      void worker.terminate()
    })
    worker.once('error', reject)
  })

for (const task of ['active', 'passing'])
  t.test(
    `${task === 'active' ? 'under control' : 'passing through'}, every call does what the engine does`,
    async t => {
      const { mismatches, calls, endings } = await answer<Report>({ task, seeds: 300, calls: 100 })
      t.strictSame(mismatches.slice(0, 5), [])
      t.ok(calls > 25_000, `${calls} calls`)
      for (const [name, of] of Object.entries(endings)) {
        const some = [...of].sort().join()
        if (name === 'isLockFree') t.match(some, /TypeError.*boolean/, name)
        else if (name === 'pause') t.match(some, /TypeError.*undefined/, name)
        else {
          t.match(some, /RangeError/, name)
          t.match(some, /TypeError/, name)
          t.match(some, name === 'wait' ? /string/ : name === 'waitAsync' ? /\{/ : /number/, name)
          if (!/^(wait|notify)/.test(name)) t.match(some, 'bigint', name)
        }
      }
    },
  )

t.test('waits are served in the order in which they came', async t => {
  t.equal(
    await answer({ task: 'queue' }),
    [
      'notified 1, a ok, notified 1, b ok, notified 1, c ok, notified 1, d ok, notified 1, e ok',
      'notified 0, 0',
      '7 steps',
    ].join(', '),
  )
})

t.test('the methods look as they did, and are all replaced but those that touch no memory', async t => {
  const { before, after, replaced } = await answer<Record<'before' | 'after' | 'replaced', string[]>>({ task: 'looks' })
  t.strictSame(after, before)
  const expected = 'add and compareExchange exchange load notify or store sub wait waitAsync xor'.split(' ')
  t.strictSame(replaced.sort(), expected)
  const all = Object.getOwnPropertyNames(Atomics).filter(name => !expected.includes(name))
  t.strictSame(
    all.filter(name => name !== 'pause'),
    ['isLockFree'],
    'a new method of the engine has to be thought about',
  )
})
