/** `torture replay`: which failure, on which code, and what it says. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { LOSES, workspace } from './helpers/cli.ts'

// Of our own, to see what is left in it: other tests replay as well.
const temporary = mkdtempSync(join(tmpdir(), 'torture-test-'))
process.env.TMPDIR = temporary
t.teardown(() => rmSync(temporary, { recursive: true, force: true }))

// A search has found a failure of loses.mjs, once for all tests; each begins with the file as it was.
const space = workspace(t)
space.write({ 'loses.mjs': LOSES })
await space.torture('explore', '1*./loses.mjs', '--strategy', 'random')
const [run] = space.runs()
const failure = 'loses.1/failures/1'
const { dir, write, torture, start } = space
const replay = (...args: string[]) => torture('replay', ...args)
const leftovers = () => readdirSync(temporary).filter(name => name.startsWith('torture-replay-'))
t.beforeEach(() => write({ 'loses.mjs': LOSES }))

t.test('it fails again, every time', async t => {
  const before = leftovers()
  const { status, stdout } = await replay(failure, '--times', '5')
  t.equal(status, 1)
  t.match(stdout, `${run}/${failure} on the code of the run (bundle `)
  t.match(stdout, /^✖ fails again, 5 of 5 times: check: no update is lost\n {2}loses\.mjs:9:45$/m)
  t.same(space.runs(), [run], 'no run is made')
  t.same(leftovers(), before)
})

t.test('a failure by its names and by its paths', async t => {
  const path = join('torture-results', run, failure)
  const names = [`${run}/${failure}`, `last/${failure}`, path, `${path}/failure.json`, join(dir, path)]
  const ended = await Promise.all(names.map(name => replay(name)))
  t.same(
    ended.map(({ status }) => status),
    names.map(() => 1),
  )
})

t.test('another schedule', async t => {
  const serial = await replay(failure, '--schedule', 'a9b9')
  t.not(serial.status, 1, 'one thread after the other loses nothing')
  const refused = await replay(failure, '--schedule', 'a3c')
  t.equal(refused.status, 2)
  t.match(refused.stderr, /^torture: --schedule: .*character 3: 'c' is none of 2 threads\n$/)
})

t.test('changed code: the schedule is tried on it, unless the stored one is wanted', async t => {
  const changeTo = (from: string, to: string) => writeFileSync(join(dir, 'loses.mjs'), LOSES.replace(from, to))
  changeTo('const value', 'const worth = 1, value')
  const still = await replay(failure)
  t.equal(still.status, 1)
  t.match(still.stdout, /on the present code \(since the run loses\.mjs changed; --stored takes the old\)/)
  t.match(still.stdout, '✖ fails again')
  changeTo('!== 2', '=== 7')
  const gone = await replay(failure)
  t.match(gone, { status: 0, stdout: /✔ no longer fails/ })
  const stored = await replay(failure, '--stored')
  t.match(stored, { status: 1, stdout: /on the code of the run .*--stored/ })
})

t.test('code that the schedule does not fit', async t => {
  write({ 'loses.mjs': LOSES.replace('Atomics.store(cells, 0, value + 1)', 'Atomics.add(cells, 0, 1)') })
  const { status, stdout } = await replay(failure)
  t.equal(status, 3)
  t.match(stdout, /\? does not fit the code any more: .*store cells\[0\].*add cells\[0\]/)
  t.match(stdout, /by another schedule: torture explore \.\/loses\.mjs$/m)
  write({ 'loses.mjs': LOSES.replace('adder:', 'writer:') })
  t.match(await replay(failure), { status: 3, stdout: /its thread bodies are writer, and were adder/ })
  write({ 'loses.mjs': 'export default {' })
  t.match(await replay(failure), { status: 2, stderr: /loses\.mjs:\d+:\d+: / })
})

t.test('the same code that does something else: a module remembers executions before', async t => {
  const forgetful = workspace(t)
  const remembers = LOSES.replace(
    'const value',
    'if (++executions < 9) return void Atomics.add(cells, 0, 1)\nconst value',
  )
  forgetful.write({ 'loses.mjs': `let executions = 0\n${remembers}` })
  await forgetful.torture('explore', '1*./loses.mjs', '--strategy', 'random')
  const { status, stdout } = await forgetful.torture('replay', failure)
  t.equal(status, 3)
  t.match(
    stdout,
    /^\? does something else on the same code: .*load cells\[0\].*add cells\[0\]\n {2}something that is not/m,
  )
})

t.test('code that is gone: the run has its own', async t => {
  rmSync(join(dir, 'loses.mjs'))
  t.match(await replay(failure), { status: 1, stdout: /on the code of the run .*loses\.mjs is gone/ })
})

t.test('SIGINT ends it, and leaves nothing behind', async t => {
  const before = leftovers()
  const { child, ended, says } = start('replay', failure, '--times', '100000')
  await says(/on the code of the run/)
  child.kill('SIGINT')
  t.equal((await ended).status, 130)
  t.same(leftovers(), before)
})

t.test('what is no failure, or has no schedule', async t => {
  const wrong: readonly [string[], RegExp][] = [
    [[], /say which failure.*the run \S+ has loses\.1\/failures\/1/],
    [['loses.1'], /'loses\.1' is no failure.*has loses\.1\/failures\/1/],
    [[run], /is no failure.*has loses\.1\/failures\/1/],
    [['loses.1/failures/2'], /there is no failure loses\.1\/failures\/2 .*has loses\.1\/failures\/1/],
    [[`2020.01.01-00.00.00/${failure}`], /there is no run/],
    [['../../etc/failures/1'], /is no failure/],
    [[failure, '--times', '0'], /--times 0/],
    [[failure, '--results', 'nowhere'], /there is no run in nowhere/],
    [[failure, '--tarce'], /there is no flag --tarce/],
  ]
  const ended = await Promise.all(wrong.map(([args]) => replay(...args)))
  for (const [n, { status, stderr }] of ended.entries()) {
    t.equal(status, 2, wrong[n][0].join(' '))
    t.match(stderr, wrong[n][1])
    t.equal(stderr.trimEnd().split('\n').length, 1, 'one line')
  }
  const path = join(dir, 'torture-results', run, failure, 'failure.json')
  writeFileSync(path, readFileSync(path, 'utf8').slice(0, 20))
  t.match(await replay(failure), { status: 2, stderr: /failure\.json is damaged/ })
  await torture('run', './loses.mjs', '--duration', '20s', '--bridge', '0')
  const stressed = await replay(failure)
  t.equal(stressed.status, 2)
  t.match(stressed.stderr, /was seen under stress.*torture explore \.\/loses\.mjs --threads adder=2\n$/)
})
