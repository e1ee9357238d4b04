/**
 * Small code of users, wrong in the everyday ways, is caught by a default run. On two crowded CPUs each of these
 * took a tenth of a second on average, and never more than a third; that 30 s miss it has a chance below exp(-50).
 */
import { resolve } from 'node:path'
import t from 'tap'
import { memoryLimit } from '../torture/runner/limits.ts'
import { workspace } from './helpers/cli.ts'

const quick = ['--duration', '30s', '--bridge', '0', '--hang-after', '1s']

for (const [example, wrong, expected] of [
  ['mutex', 'look-first', /HANG +.*adder\[\d\] running, asleep for .* waiting for lock\[0\]/],
  ['ring', 'publishes-early', /fail +an item is not the one that was sent/],
] as const) {
  t.test(`${example}: ${wrong}`, async t => {
    const file = resolve(`examples/${example}.torture.ts`)
    const { status, stdout } = await workspace(t).torture('run', file, '--param', `wrong=${wrong}`, ...quick)
    t.equal(status, 1)
    t.match(stdout, expected)
  })
}

t.test('many threads on few CPUs, within the default limit of memory', async t => {
  const { torture, summary } = workspace(t)
  const file = resolve('examples/mutex.torture.ts')
  const { status, stdout } = await torture('run', file, '--threads', 'adder=12', '--cpus', '2', '--duration', '100ms')
  t.equal(status, 0, stdout)
  t.equal(summary().verdict, 'pass')
})

t.test('what V8 only reserves is not taken from the limit', async t => {
  const [prlimit, limit] = memoryLimit(1 << 20, '/opt/another/node')
  if (prlimit === undefined) return
  t.ok(Number(/^--data=(\d+)$/.exec(limit!)![1]) > 512 << 20)
})
