import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { temporaryFolder } from './helpers/folders.ts'
import { bundleGuest, instanceOf, runGuest, startGuest } from './helpers/guest.ts'
import { plainNode } from './helpers/node.ts'

const bundle = await bundleGuest({ sum: 'test/fixtures/guest-sum.ts', stuck: 'test/fixtures/guest-stuck.ts' })
t.teardown(bundle.remove)
const PATH = { PATH: process.env.PATH }
const sum = (changes = {}) => instanceOf('sum', { adder: 2 }, changes)

t.test('threads stutter and leave, told before and after', async t => {
  const seen = { stutters: 0, leaves: 0 }
  const wrong: unknown[] = []
  // How many of them two seconds have is a matter of luck, and of how crowded the machine is.
  for (let seed = 1; seed <= 20 && (seen.stutters === 0 || seen.leaves === 0); seed++) {
    const { result } = await runGuest(bundle, sum({ seed, durationMs: 2000, jitter: 'high' }))
    const { 'torture.stutters': stutters, 'torture.leaves': leaves, ...counters } = result!.counters
    const { paused, resumed, 'torture.leave-tries': tries, 'torture.stuttered-threads': stuttered } = counters
    const right = leaves <= tries && paused === stuttered + leaves && paused === resumed
    if (result!.verdict !== 'pass' || !right) wrong.push(result)
    seen.stutters += stutters
    seen.leaves += leaves
  }
  t.same(wrong, [], 'each pause has its reason, and its end')
  t.ok(seen.stutters > 0, 'stutters')
  t.ok(seen.leaves > 0, 'leaves')
})

t.test('without jitter nothing disturbs the threads', async t => {
  const { result } = await runGuest(bundle, sum({ jitter: 'off' }))
  t.equal(result?.counters.paused, 0)
  t.notOk('torture.stutters' in result!.counters)
})

t.test('decisions repeat with the seed', async t => {
  const draws = async (seed: number) => {
    const { result } = await runGuest(bundle, sum({ seed, durationMs: 200 }))
    return Object.keys(result!.counters).filter(name => name.startsWith('draws of'))
  }
  const [first, again, other] = [await draws(7), await draws(7), await draws(8)]
  // The first round of both threads at least; how many rounds there are is a matter of time.
  t.ok(first.length >= 2)
  t.same(first.slice(0, 2).sort(), again.slice(0, 2).sort())
  t.notSame(first.slice(0, 2).sort(), other.slice(0, 2).sort())
})

t.test('ends at once, without an end record, when its runner is gone', async t => {
  const guest = startGuest(bundle, sum({ durationMs: 60_000 }))
  await guest.event('firstWork')
  const before = performance.now()
  guest.child.stdin!.end()
  const { result, stats, status } = await guest.ended
  t.ok(performance.now() - before < 30_000, 'long before its time')
  t.equal(result, undefined)
  t.equal(status, 3)
  t.ok(stats.length > 0, 'what it had is there')
})

for (const how of ['SIGTERM', 'SIGINT', 'a line on stdin'] as const) {
  t.test(`stops in order on ${how}`, async t => {
    const guest = startGuest(bundle, sum({ durationMs: 60_000 }))
    await guest.event('firstWork')
    if (how === 'a line on stdin') guest.child.stdin!.write('{"cmd":"stop"}\n')
    else guest.child.kill(how)
    const { result, status } = await guest.ended
    t.equal(status, 0)
    t.equal(result?.verdict, 'pass')
    t.ok(result!.rounds >= 1)
    t.ok(result!.durationMs < 30_000, 'the time that it really took')
    t.match(result!.blindSpots.at(-1), /stopped after/)
  })
}

t.test('stopped before a round was done, it has proved nothing', async t => {
  const guest = startGuest(bundle, instanceOf('stuck', { stuck: 1 }, { params: { how: 'setup' } }))
  await guest.event('ready')
  guest.child.stdin!.write('{"cmd":"stop"}\n')
  const { result, status } = await guest.ended
  t.equal(status, 4)
  t.match(result, { verdict: 'inconclusive', reason: 'stopped before a round was done', rounds: 0 })
})

t.test('run by hand it writes to a fresh folder and leaves stdin alone', async t => {
  const cwd = temporaryFolder(t, 'torture-hand')
  writeFileSync(
    join(cwd, 'command.json'),
    JSON.stringify({ schema: 1, command: [], env: {}, bundle: '', instance: sum() }),
  )
  const byHand = () =>
    new Promise<string>(done => {
      const args = [...plainNode, '--enable-source-maps', join(bundle.folder, 'guest.js'), 'command.json']
      const child = spawn('env', args, { cwd, env: PATH, stdio: ['ignore', 'pipe', 'inherit'] })
      let out = ''
      child.stdout.on('data', data => (out += data))
      child.on('close', status => done(`${status}\n${out}`))
    })
  const outs = [await byHand(), await byHand()]
  const folders = readdirSync(cwd).filter(name => name.startsWith('guest-sum.1-'))
  t.equal(folders.length, 2, 'a folder each')
  for (const [i, folder] of folders.sort().entries()) {
    const lines = outs[i].split('\n')
    t.equal(lines[0], '0')
    t.equal(lines[1], `sum.1 writes to ${folder}`)
    t.match(lines[2], /^sum\.1 pass: \d+ rounds in \d+\.\d s, seed 1$/)
    t.equal(JSON.parse(readFileSync(join(cwd, folder, 'verdict.json'), 'utf8')).verdict, 'pass')
  }
})

t.test('a command that cannot be read is one line', async t => {
  const child = spawn('env', [...plainNode, join(bundle.folder, 'guest.js'), 'nowhere.json'], { env: PATH })
  let err = ''
  child.stderr.on('data', data => (err += data))
  const status = await new Promise(done => child.on('close', done))
  t.equal(status, 2)
  t.match(err, /^cannot read nowhere\.json: .*\n$/)
  t.notOk(existsSync('guest-sum.1'))
})
