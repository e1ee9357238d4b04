/** `torture hosts`: what it shows of a fleet, and what it removes. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { clean } from '../remote/host/clean.ts'
import { claimDirectory } from '../remote/host/directory.ts'
import { AGENT_FILE, MARKER } from '../remote/host/layout.ts'
import { startTicks, thisRunner } from '../results/process.ts'
import { torture } from './helpers/command.ts'
import { sshLab, withoutSshd } from './helpers/ssh-lab.ts'

const skip = { skip: withoutSshd }
const DAY_MS = 86_400_000
const OLD = { olderThanMs: DAY_MS, dryRun: false }
const hashOf = (letter: string) => letter.repeat(64)

/** A folder below ours that nobody has touched for so long. */
function folder(directory: string, path: string, ageMs: number, agent?: object): void {
  const dir = join(directory, path)
  mkdirSync(dir, { recursive: true })
  writeFileSync(join(dir, 'file'), 'x'.repeat(1000))
  if (agent !== undefined) writeFileSync(join(dir, AGENT_FILE), JSON.stringify(agent))
  const at = new Date(Date.now() - ageMs)
  for (const name of [...readdirSync(dir), '.']) utimesSync(join(dir, name), at, at)
}

/** The agent of a run whose process is gone. */
async function deadAgent(): Promise<object> {
  const child = spawn('sleep', ['60'])
  await once(child, 'spawn')
  const ticks = startTicks(child.pid!)
  child.kill('SIGKILL')
  await once(child, 'exit')
  return { pid: child.pid, host: hostname(), ...(ticks !== undefined && { startTicks: ticks }) }
}

t.test('check: a fleet in which all are fit', skip, async t => {
  const lab = sshLab(t)
  const { home } = await lab.start('lab-a')
  await lab.start('lab-b')
  const [shown, json] = await Promise.all([
    torture(lab.dir, 'hosts', 'check', 'lab-a,lab-b', '--ssh-config', lab.configFile),
    torture(lab.dir, 'hosts', 'check', 'lab-a,local', '--json', '--ssh-config', lab.configFile),
  ])
  t.match(shown, { code: 0, stderr: '' })
  const lines = shown.stdout.split('\n')
  t.match(lines[0], /^ +host +state +key +node +cpus +clock +free +round trip +directory$/)
  t.match(
    lines[1],
    /^✔ +lab-a +fit +ssh-ed25519 +\d+\.\d+\.\d+ \S+ +\d+ +-?[\d.]+ m?s +[\d.]+ \wB +[\d.]+ m?s +\S+\.torture \(absent\)$/,
  )
  t.match(lines.at(-2), '2 hosts fit')
  t.equal(json.code, 0)
  t.match(JSON.parse(json.stdout), [
    {
      name: 'lab-a',
      fit: true,
      hostKey: { type: 'ssh-ed25519', by: `${lab.knownHosts}:1` },
      facts: { state: 'absent' },
    },
    { name: 'local', fit: true, facts: { node: process.versions.node } },
  ])
  t.notOk(existsSync(join(home, '.torture')), 'looking changes nothing')
})

t.test('check: what is wrong with a host is shown in one line, and costs the others nothing', skip, async t => {
  const lab = sshLab(t)
  await lab.start('good')
  const { publicKey } = await lab.start('stranger', { unknown: true })
  lab.alias('away', 1)
  mkdirSync(join(lab.dir, 'good/photos'))
  writeFileSync(join(lab.dir, 'good/photos/holiday.jpg'), 'x')
  writeFileSync(
    join(lab.dir, 'lab.json'),
    JSON.stringify({
      hosts: [
        'good',
        'stranger',
        'away',
        { name: 'photos', alias: 'good', directory: 'photos' },
        { name: 'bare', alias: 'good', node: '/nowhere' },
        { name: 'few', alias: 'good', cpus: 1 },
      ],
    }),
  )
  const { code, stdout, stderr } = await torture(lab.dir, 'hosts', 'check', 'lab.json', '--ssh-config', lab.configFile)
  t.match({ code, stderr }, { code: 3, stderr: '' })
  for (const state of [
    /^✔ +good +fit/m,
    /^✖ +stranger +unknown-key$/m,
    /^✖ +away +unreachable$/m,
    /^✖ +photos +not-ours$/m,
    /^✖ +bare +no-node$/m,
  ]) {
    t.match(stdout, state)
  }
  for (const line of [
    /^stranger: .*SHA256:.*ssh-keyscan/m,
    /^away: .*refused/m,
    /^photos: .*is not empty/m,
    /^bare: there is no Node at \/nowhere/m,
  ]) {
    t.match(stdout, line)
  }
  t.match(stdout, /^2 of 6 hosts fit$/m)
  t.notMatch(stdout, /^ +at /m)
  t.notMatch(stdout, publicKey.split(' ')[1]!, 'a fingerprint is enough')
})

t.test('bad usage is one line', async t => {
  const dir = t.testdir({ 'lab.json': '{ "hosts": [{ "name": "a", "cpu": 1 }] }' })
  for (const [args, message] of [
    [[], /say what, check or clean/],
    [['look', 'a'], /torture hosts look: /],
    [['check'], /name the hosts/],
    [['check', 'lab.json'], /hosts\[0\] \("a"\): cpu means nothing: did you mean 'cpus'\?/],
    [['check', 'absent.json'], /there is no such file/],
    [['check', 'a', '--ssh-config', 'absent'], /--ssh-config absent: there is no such file/],
    [['clean', 'a', '--older-than', 'ever'], /--older-than ever/],
  ] as const) {
    const { code, stderr } = await torture(dir, 'hosts', ...args)
    t.match({ code, stderr }, { code: 2, stderr: /^torture: [^\n]+\n$/ })
    t.match(stderr, message)
  }
})

t.test('clean: what is old goes; what is new, at work, or needed by those stays', async t => {
  const directory = join(t.testdir(), 'ours')
  claimDirectory(directory)
  const dead = await deadAgent()
  folder(directory, 'runs/old', 2 * DAY_MS, { ...dead, bundle: hashOf('a') })
  folder(directory, 'runs/never-started', 2 * DAY_MS)
  folder(directory, 'runs/alive', 2 * DAY_MS, {
    ...thisRunner(),
    bundle: hashOf('b'),
    node: '/x/node/v20.1.0-linux-x64-0123/node',
  })
  folder(directory, 'runs/elsewhere', 2 * DAY_MS, { ...dead, host: 'another', bundle: hashOf('c') })
  folder(directory, 'runs/new', 0, { ...dead, bundle: hashOf('d') })
  for (const letter of 'abcdef') folder(directory, `bundles/${hashOf(letter)}`, letter === 'f' ? 0 : 2 * DAY_MS)
  for (const name of ['v20.1.0-linux-x64-0123', 'v18.0.0-linux-x64-4567']) folder(directory, `node/${name}`, 2 * DAY_MS)
  folder(directory, 'notes', 2 * DAY_MS)

  const dry = clean(directory, { ...OLD, dryRun: true })
  t.ok(existsSync(join(directory, 'runs/old')), 'a dry run removes nothing')
  const { removed, spared } = clean(directory, OLD)
  t.same(removed, dry.removed)
  t.same(removed.map(({ path }) => path).sort(), [
    `bundles/${hashOf('a')}`,
    `bundles/${hashOf('e')}`,
    'node/v18.0.0-linux-x64-4567',
    'runs/never-started',
    'runs/old',
  ])
  t.ok(removed.every(({ bytes }) => bytes >= 1000))
  t.match([...spared].sort(), [/^runs\/alive: its agent is running/, /^runs\/elsewhere: /])
  t.same(readdirSync(join(directory, 'runs')).sort(), ['alive', 'elsewhere', 'new'])
  t.same(
    readdirSync(directory).sort(),
    [MARKER, 'bundles', 'node', 'notes', 'runs'],
    'what has another name is not ours',
  )
  t.same(clean(directory, OLD).removed, [])
})

t.test('clean: a run that is just starting stays, even if everything shall go', async t => {
  const directory = join(t.testdir(), 'ours')
  claimDirectory(directory)
  folder(directory, 'runs/starting', 0)
  folder(directory, `bundles/${hashOf('a')}`, 0)
  folder(directory, 'runs/ended', 1000, await deadAgent())
  t.same(
    clean(directory, { olderThanMs: 0, dryRun: false }).removed.map(({ path }) => path),
    ['runs/ended'],
  )
})

t.test('clean: a directory that is not ours is refused, over ssh too', skip, async t => {
  const lab = sshLab(t)
  const { home } = await lab.start('host')
  claimDirectory(join(home, '.torture'))
  folder(join(home, '.torture'), `bundles/${hashOf('a')}`, 2 * DAY_MS)
  folder(home, 'photos/bundles/holiday', 2 * DAY_MS)
  writeFileSync(
    join(lab.dir, 'lab.json'),
    JSON.stringify([
      'host',
      { name: 'photos', alias: 'host', directory: 'photos' },
      { name: 'fresh', alias: 'host', directory: 'x' },
    ]),
  )
  const command = ['hosts', 'clean', 'lab.json', '--ssh-config', lab.configFile]
  const dry = await torture(lab.dir, ...command, '--dry-run')
  t.match(dry.stdout, /^host: would remove bundles\/a{64} \([\d.]+ kB\)$/m)
  t.ok(existsSync(join(home, '.torture/bundles', hashOf('a'))))
  const { code, stdout } = await torture(lab.dir, ...command)
  t.equal(code, 3, 'one of the hosts could not be cleaned')
  t.match(stdout, /^host: removed 1, freed [\d.]+ kB, 0 kept$/m)
  t.match(stdout, /^photos: .* is not torture's/m)
  t.match(stdout, /^fresh: nothing to remove, 0 kept$/m)
  t.same(readdirSync(join(home, '.torture/bundles')), [])
  t.ok(existsSync(join(home, 'photos/bundles/holiday/file')))
  t.notOk(existsSync(join(home, 'x')))
})
