import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { clean } from '../results/clean.ts'
import { startTicks, thisRunner } from '../results/process.ts'
import { runIds, writeSummary } from '../results/store.ts'
import { torture } from './helpers/command.ts'
import { planOf, resultOf, storeRun } from './helpers/results.ts'

const HASH = (letter: string) => letter.repeat(64)

function oldRun(root: string, day: number, bundle = HASH('a')) {
  const createdAt = `2026-11-${String(day).padStart(2, '0')}T10:00:00.000Z`
  return storeRun(root, planOf(['a.1'], { createdAt, bundle }), [resultOf('a.1')])
}

/** @param ageMs since when nobody has touched it */
function folder(path: string, file: string, ageMs: number): void {
  mkdirSync(path, { recursive: true })
  writeFileSync(join(path, file), 'x'.repeat(1000))
  const at = new Date(Date.now() - ageMs)
  utimesSync(path, at, at)
}

const KEEP_ONE = { keep: 1, dryRun: false }
const DAY_MS = 86_400_000

t.test('the newest runs stay, and the bundles that they need', async t => {
  const root = t.testdir()
  for (const [day, letter] of [
    [1, 'a'],
    [2, 'b'],
    [3, 'c'],
  ] as const) {
    oldRun(root, day, HASH(letter))
    folder(join(root, 'bundles', HASH(letter)), 'bundle.json', DAY_MS)
  }
  const { removed, bytes, kept } = clean(root, { keep: 2, dryRun: false })
  t.same(
    removed.map(({ path }) => path),
    [join(root, '2026.11.01-10.00.00'), join(root, 'bundles', HASH('a'))],
  )
  t.ok(bytes > 1000)
  t.equal(kept, 2)
  t.same(readdirSync(root).sort(), ['2026.11.02-10.00.00', '2026.11.03-10.00.00', 'bundles'])
  t.same(readdirSync(join(root, 'bundles')).sort(), [HASH('b'), HASH('c')])
})

t.test('what is not ours is not touched', async t => {
  const root = t.testdir()
  for (const day of [1, 2, 3]) oldRun(root, day)
  folder(join(root, 'notes'), 'a.txt', DAY_MS)
  folder(join(root, '2020.01.01-00.00.00'), 'holiday.jpg', DAY_MS)
  folder(join(root, 'bundles', 'mine'), 'bundle.json', DAY_MS)
  folder(join(root, 'bundles', HASH('d')), 'something.else', DAY_MS)
  writeFileSync(join(root, '2020.01.02-00.00.00'), 'a file')
  const { spared } = clean(root, KEEP_ONE)
  t.match(spared, [/^2020\.01\.01-00\.00\.00: it cannot be read, so it may not be ours/])
  t.same(readdirSync(root).sort(), [
    '2020.01.01-00.00.00',
    '2020.01.02-00.00.00',
    '2026.11.03-10.00.00',
    'bundles',
    'notes',
  ])
  t.same(readdirSync(join(root, 'bundles')).sort(), [HASH('d'), 'mine'])
})

t.test('a live run stays, one whose runner died does not', async t => {
  const root = t.testdir()
  const live = storeRun(root, planOf(['a.1'], { createdAt: '2026-11-01T10:00:00.000Z' }), [])
  const dead = storeRun(root, planOf(['a.1'], { createdAt: '2026-11-02T10:00:00.000Z' }), [])
  const child = spawn('sleep', ['60'])
  await once(child, 'spawn')
  const ticks = startTicks(child.pid!)
  const runner = { ...thisRunner(), pid: child.pid!, ...(ticks !== undefined && { startTicks: ticks }) }
  child.kill('SIGKILL')
  await once(child, 'exit')
  writeSummary(dead.run.dir, { ...dead.summary, runner })
  const { spared } = clean(root, { keep: 0, dryRun: false })
  t.match(spared, [`${live.run.id}: it is running (process ${process.pid})`])
  t.same(runIds(root), [live.run.id])
})

t.test('what a kill left half made goes when it is old', async t => {
  const root = t.testdir()
  folder(join(root, '.draft-1-2'), 'plan.json', DAY_MS)
  folder(join(root, '.draft-3-4'), 'plan.json', 0)
  folder(join(root, 'bundles', '.draft-x'), 'guest.js', DAY_MS)
  clean(root, KEEP_ONE)
  t.same(readdirSync(root).sort(), ['.draft-3-4', 'bundles'])
  t.same(readdirSync(join(root, 'bundles')), [])
})

t.test('a bundle that a damaged plan names stays, and so does one that has just come', async t => {
  const root = t.testdir()
  const { run } = oldRun(root, 1, HASH('b'))
  writeFileSync(join(run.dir, 'plan.json'), `{ "bundle": "${HASH('b')}" `)
  folder(join(root, 'bundles', HASH('b')), 'bundle.json', DAY_MS)
  folder(join(root, 'bundles', HASH('c')), 'bundle.json', 0)
  clean(root, { keep: 0, dryRun: false })
  t.same(readdirSync(join(root, 'bundles')).sort(), [HASH('b'), HASH('c')])
})

t.test('the command says what it did, or would do', async t => {
  const dir = t.testdir()
  const root = join(dir, 'torture-results')
  for (const day of [1, 2, 3]) oldRun(root, day)
  const dry = await torture(dir, 'clean', '--keep', '1', '--dry-run')
  t.match(dry, { code: 0, stderr: '' })
  t.match(dry.stdout.split('\n'), [
    /^would remove torture-results\/2026\.11\.01-10\.00\.00 \([\d.]+ k?B\)$/,
    /2026\.11\.02/,
    /^would remove 2, would free [\d.]+ k?B, 1 kept$/,
  ])
  t.equal(runIds(root).length, 3, 'nothing was removed')
  const done = await torture(dir, 'clean', '--keep', '1')
  t.match(done.stdout, /^removed 2, freed [\d.]+ k?B, 1 kept$/m)
  t.same(runIds(root), ['2026.11.03-10.00.00'])
  const again = await torture(dir, 'clean')
  t.match(again, { code: 0, stdout: 'nothing to remove, 1 kept\n' })
})

t.test('nothing there is no error, bad numbers are', async t => {
  const dir = t.testdir()
  const [none, bad, negative] = await Promise.all([
    torture(dir, 'clean'),
    torture(dir, 'clean', '--keep', 'all'),
    torture(dir, 'clean', '--keep=-1'),
  ])
  t.match(none, { code: 0, stdout: 'nothing to remove, 0 kept\n' })
  t.notOk(existsSync(join(dir, 'torture-results')), 'nor is it made')
  for (const { code, stderr } of [bad, negative])
    t.match({ code, stderr }, { code: 2, stderr: /^torture: --keep [^\n]+\n$/ })
})
