import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { workspace } from './helpers/cli.ts'

const BUFFER = 'new Int32Array(new SharedArrayBuffer(8))'
const scenario = (name: string, body: string, rest = '') =>
  `export default { name: '${name}', summary: 's', setup: () => ({ w: ${BUFFER} }), threads: { a: { count: 3, ${body} } }, ${rest} }`

t.test('what a body leaves to its event loop counts', async t => {
  const { write, torture, summary } = workspace(t)
  for (const [name, body] of [
    ['timer', 'run() { setTimeout(() => { throw new Error("late") }, 0) }'],
    ['floating', 'async run() { Promise.reject(new Error("floating")); await null }'],
  ]) {
    write({ [`${name}.mjs`]: scenario(name, body) })
    t.equal((await torture('run', '-s', `./${name}.mjs`, '--duration', '1s')).status, 1, name)
    const [{ verdict, failures }] = summary().instances
    t.equal(verdict, 'crash', name)
    t.match(failures, [{ oracle: 'CRASH' }], 'a failure on disk is one in the record')
  }
})

t.test('a check that returns a promise is a failure, not a pass', async t => {
  const { write, torture, summary } = workspace(t)
  write({ 'late.mjs': scenario('late', 'run() {}', 'async check() { throw new Error("bad") }') })
  t.equal((await torture('run', '-s', './late.mjs', '--duration', '1s')).status, 1)
  t.match(summary().instances[0].failures, [{ oracle: 'check', message: /returned a promise/ }])
})

t.test('each thread of a hang has its own stack, without frames of the harness', async t => {
  const { dir, write, torture, summary } = workspace(t)
  const functions = `function zero(w) { while (Atomics.load(w, 0) === 0); }
    function one(w) { Atomics.wait(w, 0, 0) }
    function two(w) { Atomics.wait(w, 1, 0) }
    `
  write({ 'stuck.mjs': functions + scenario('stuck', 'run: ({ index, shared: { w } }) => [zero, one, two][index](w)') })
  const flags = ['--duration', '1s', '--hang-after', '1s', '--jitter', 'high']
  t.equal((await torture('run', '-s', './stuck.mjs', ...flags)).status, 1)
  const { id, instances } = summary()
  const evidence = join(dir, 'torture-results', id, instances[0].failures[0].path, 'failure.json')
  const { threads } = JSON.parse(readFileSync(evidence, 'utf8')).details
  t.same(
    threads.map(({ stack }: { stack: string[] }) => stack[0].split(' ')[0]),
    ['zero', 'one', 'two'],
  )
})
