/** The stream to an agent: what is written there arrives, and if it fails it says why. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import t from 'tap'
import { bundleOf } from './helpers/bundles.ts'
import { refusalOf, sshLab, withoutSshd } from './helpers/ssh-lab.ts'

const skip = { skip: withoutSshd }

/** Says how it was called, then repeats what it hears, until it is told to fail. */
const AGENT = `
process.stdout.write(JSON.stringify({ argv: process.argv.slice(2), cwd: process.cwd(), execArgv: process.execArgv }) + '\\n')
process.stdin.on('data', data => {
  if (String(data).startsWith('fail')) {
    console.error('torture agent: the disk is gone')
    process.exit(3)
  }
  process.stdout.write(data)
})
process.stdin.on('end', () => process.exit(0))
process.stdin.resume()
`

const agentBundle = (dir: string, agent = AGENT) =>
  bundleOf(dir, { 'agent.js': agent, 'package.json': '{ "type": "module" }' })

/** What a stream says up to so many letters. */
function read(stream: Duplex, letters: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = ''
    stream.on('error', reject)
    stream.on('data', data => {
      said += String(data)
      if (said.length >= letters) resolve(said)
    })
  })
}

t.test('what is written to the stream is what the agent reads', skip, async t => {
  const lab = sshLab(t)
  const { home } = await lab.start('host')
  const bundle = agentBundle(t.testdir({}))
  const spec = { directory: "it's $HOME\nhere" }
  const reached = await lab.connect('host', spec)
  await reached.ship(bundle)
  const stream = await reached.attach('run-1', bundle.hash)
  const letters = 'x'.repeat(300_000)
  stream.write(letters)
  const [first, ...rest] = (await read(stream, letters.length)).split('\n')
  t.same(JSON.parse(first!), {
    argv: ['attach', join(home, spec.directory, 'runs/run-1')],
    cwd: join(home, spec.directory),
    execArgv: [],
  })
  t.equal(rest.join('\n'), letters)
  const other = await reached.attach('run-2', bundle.hash)
  t.match(await read(other, 10), '"attach"', 'a second agent by the same connection')
  const closed = [stream, other].map(one => new Promise(resolve => one.on('close', resolve)))
  reached.close()
  await Promise.all(closed)
})

t.test('an agent that fails says why', skip, async t => {
  const lab = sshLab(t)
  await lab.start('host')
  const bundle = agentBundle(t.testdir({}))
  const reached = await lab.connect('host')
  await reached.ship(bundle)
  const stream = await reached.attach('run', bundle.hash)
  const failed = new Promise(resolve => stream.on('error', resolve))
  stream.resume().write('fail')
  t.match(await failed, {
    kind: 'protocol',
    message: 'host: the agent ended with status 3: it said "torture agent: the disk is gone"',
  })
})

t.test('an agent that cannot be loaded says why', skip, async t => {
  const lab = sshLab(t)
  await lab.start('host')
  const bundle = agentBundle(t.testdir({}), "import './absent.js'")
  const reached = await lab.connect('host')
  await reached.ship(bundle)
  const stream = await reached.attach('run', bundle.hash)
  const failed = new Promise(resolve => stream.on('error', resolve))
  stream.resume()
  t.match(await failed, { kind: 'protocol', message: /status 1: it said "Cannot find module/ })
})

t.test('no bundle, no agent; a run has a name that is a folder', skip, async t => {
  const lab = sshLab(t)
  const { home } = await lab.start('host')
  const bundle = agentBundle(t.testdir({}))
  const reached = await lab.connect('host')
  t.match(await refusalOf(reached.attach('run', bundle.hash)), {
    kind: 'damaged',
    message: /the bundle [0-9a-f]{64} is gone/,
  })
  await reached.ship(bundle)
  t.match(await refusalOf(reached.attach('../run', bundle.hash)), { kind: 'protocol', message: /is no name of a run/ })
  rmSync(join(home, '.torture/bundles'), { recursive: true })
  t.match(await refusalOf((await lab.connect('host')).attach('run', bundle.hash)), { kind: 'damaged' })
})
