import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { appendLine, replaceFile, type StoreError, storeError } from '../results/files.ts'
import { runnerState, startTicks, thisRunner } from '../results/process.ts'
import { openRun } from '../results/reader.ts'
import { appendEvent, createRun, prepareInstance, runIds, writeSummary, writeVerdict } from '../results/store.ts'
import { planOf, resultOf } from './helpers/results.ts'

t.test('a run appears whole: its plan, and a summary that names the runner', async t => {
  const root = join(t.testdir(), 'deep', 'results')
  const run = createRun(root, planOf(['a.1']))
  t.equal(run.id, '2026.11.20-23.49.00')
  t.equal(run.plan.id, run.id)
  t.same(JSON.parse(readFileSync(join(run.dir, 'plan.json'), 'utf8')), run.plan)
  t.same(JSON.parse(readFileSync(join(run.dir, 'run.json'), 'utf8')), run.summary)
  t.equal(run.summary.runner.pid, process.pid)
  t.same(readdirSync(root), [run.id], 'nothing else is left')
  t.equal(openRun(root, 'last').state, 'alive')
})

t.test('runs of the same second get numbers, and keep their order', async t => {
  const root = t.testdir()
  const ids = Array.from({ length: 12 }, () => createRun(root, planOf(['a.1'])).id)
  t.equal(ids[0], '2026.11.20-23.49.00')
  t.equal(ids[1], '2026.11.20-23.49.00-2')
  t.equal(ids[11], '2026.11.20-23.49.00-12')
  t.same(runIds(root), ids)
  t.equal(openRun(root, 'last').id, '2026.11.20-23.49.00-12')
})

t.test('a file that has the name of the run is not replaced', async t => {
  const root = t.testdir({ '2026.11.20-23.49.00': 'mine' })
  t.equal(createRun(root, planOf(['a.1'])).id, '2026.11.20-23.49.00-2')
  t.equal(readFileSync(join(root, '2026.11.20-23.49.00'), 'utf8'), 'mine')
})

t.test('many processes that create runs at once never share one', async t => {
  const root = t.testdir()
  const store = new URL('../results/store.ts', import.meta.url).href
  const plan = JSON.stringify(planOf(['a.1']))
  const code = `import { createRun } from ${JSON.stringify(store)}
    const ids = []
    for (let n = 0; n < 10; n++) ids.push(createRun(${JSON.stringify(root)}, ${plan}).id)
    console.log(ids.join())`
  const children = Array.from({ length: 3 }, () =>
    spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code], {
      stdio: ['ignore', 'pipe', 'inherit'],
    }),
  )
  const all = await Promise.all(
    children.map(async child => {
      const chunks = await child.stdout.toArray()
      return chunks.join('').trim().split(',')
    }),
  )
  t.equal(new Set(all.flat()).size, 30)
  t.same(runIds(root).length, 30)
})

t.test('an instance begins with an empty folder', async t => {
  const run = createRun(t.testdir(), planOf(['a.1']))
  const dir = prepareInstance(run.dir, 'a.1')
  writeFileSync(join(dir, 'console.log'), 'of an attempt that was cut off')
  t.equal(prepareInstance(run.dir, 'a.1'), dir)
  t.same(readdirSync(dir), [])
})

t.test('events are appended, a line each, with the time', async t => {
  const run = createRun(t.testdir(), planOf(['a.1']))
  appendEvent(run.dir, { type: 'started', instance: 'a.1', host: 'local' })
  const lines = readFileSync(join(run.dir, 'events.jsonl'), 'utf8').trimEnd().split('\n')
  const [first, second] = lines.map(line => JSON.parse(line))
  t.match(first, { type: 'planned', schema: 1, instances: 1 })
  t.match(second, { type: 'started', instance: 'a.1', at: /^\d{4}-.*Z$/ })
})

t.test('a file is replaced whole, and a failed attempt leaves the old one and no litter', async t => {
  const dir = t.testdir({ 'run.json': 'old', folder: { inside: '' } })
  replaceFile(join(dir, 'run.json'), 'new')
  t.equal(readFileSync(join(dir, 'run.json'), 'utf8'), 'new')
  t.throws(() => replaceFile(join(dir, 'folder'), 'new'), { name: 'StoreError' })
  t.same(readdirSync(dir).sort(), ['folder', 'run.json'])
})

t.test('what the file system refuses is one line that says what to do', async t => {
  const fail = (code: string) => storeError(Object.assign(new Error(`${code}: no`), { code }), 'write /r/run.json')
  const full = fail('ENOSPC') as StoreError
  t.match(full, {
    kind: 'full',
    exitCode: 3,
    message: /^cannot write \/r\/run\.json \(ENOSPC\): the disk is full: free/,
  })
  t.match(fail('EACCES'), { kind: 'denied', exitCode: 3, message: /--results DIR/ })
  t.match(fail('EWEIRD'), { kind: 'io', exitCode: 3 })
  t.notMatch(full.message, /\n/)
  const other = new TypeError('a defect of ours')
  t.equal(storeError(other, 'x'), other, 'is not dressed up')

  const root = join(t.testdir({ file: '' }), 'file')
  t.throws(() => createRun(root, planOf(['a.1'])), {
    name: 'StoreError',
    kind: 'denied',
    message: /a file is in the way/,
  })
})

t.test('a full disk is one clear error', { skip: !existsSync('/dev/full') }, async t => {
  t.throws(() => appendLine('/dev/full', { type: 'started' }), { name: 'StoreError', kind: 'full', exitCode: 3 })
})

t.test('killed at any moment, a run can be read, and only verdicts that are whole count', async t => {
  const names = Array.from({ length: 200 }, (_, n) => `a.${n + 1}`)
  const code = `import { createRun, prepareInstance, toRunInstance, writeSummary, writeVerdict } from ${url('results/store.ts')}
    import { planOf, resultOf } from ${url('test/helpers/results.ts')}
    const names = ${JSON.stringify(names)}
    process.on('message', root => {
      const run = createRun(root, planOf(names))
      process.send('created')
      let summary = run.summary
      for (let n = 0; ; n = (n + 1) % names.length) {
        const result = resultOf(names[n], { blindSpots: ['x'.repeat(100_000)] })
        writeVerdict(prepareInstance(run.dir, names[n]), result)
        summary = { ...summary, instances: [...summary.instances.slice(-50), toRunInstance(result)] }
        writeSummary(run.dir, summary)
      }
    })
    process.send('ready')`
  for (let attempt = 0; attempt < 4; attempt++) {
    const root = join(t.testdir(), String(attempt))
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    await once(child, 'message')
    child.send(root)
    await once(child, 'message')
    // Anywhere between two system calls: the delay only spreads where it hits.
    await new Promise(resolve => setTimeout(resolve, attempt * 11))
    child.kill('SIGKILL')
    await once(child, 'exit')
    const run = openRun(root, 'last')
    t.equal(run.state, 'dead', 'its runner is gone')
    t.same(run.problems, [], 'nothing is damaged')
    t.equal(run.results.size + run.unfinished.length, names.length)
  }
})

const url = (path: string) => JSON.stringify(new URL(`../${path}`, import.meta.url).href)

t.test('a live process is told from one that has got its number', { skip: process.platform !== 'linux' }, async t => {
  const runner = thisRunner()
  t.equal(runnerState(runner), 'alive')
  t.equal(runnerState({ ...runner, startTicks: runner.startTicks! - 1 }), 'dead')
  t.equal(runnerState({ ...runner, host: 'some.other.machine' }), 'elsewhere')
  t.equal(startTicks(2 ** 22 + 1), undefined, 'above the largest number that Linux gives')
  const child = spawn('sleep', ['60'])
  await once(child, 'spawn')
  const { host } = runner
  const other = { pid: child.pid!, host, startTicks: startTicks(child.pid!)! }
  t.equal(runnerState(other), 'alive')
  child.kill('SIGKILL')
  await once(child, 'exit')
  t.equal(runnerState(other), 'dead')
})

t.test('the store makes plain files that others can read', async t => {
  const run = createRun(t.testdir(), planOf(['a.1']))
  writeSummary(run.dir, run.summary)
  writeVerdict(prepareInstance(run.dir, 'a.1'), resultOf('a.1'))
  mkdirSync(join(run.dir, 'a.1', 'failures'))
  t.ok(statSync(run.dir).mode & 0o055, 'the folder')
})
