/** Who is let in, by whom, and what is said where nobody is: over real sshd. */
import { execFileSync, spawn } from 'node:child_process'
import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { keygen, lineTo, sshLab, withoutSshd } from './helpers/ssh-lab.ts'

const skip = { skip: withoutSshd }
const ONE_LINE = /^[^\n]+$/

t.test('a host is recognised by its key, and says what it is', skip, async t => {
  const lab = sshLab(t)
  const { home } = await lab.start('host')
  const { facts, hostKey } = await lab.connect('host')
  t.match(facts, { platform: process.platform, arch: process.arch, node: process.versions.node, state: 'absent' })
  t.equal(facts.directory, join(home, '.torture'))
  t.ok(Math.abs(facts.clockSkewMs) < 5000 && facts.roundTripMs > 0 && facts.freeBytes > 0 && facts.cpus > 0)
  t.match(hostKey, { type: 'ssh-ed25519', by: `${lab.knownHosts}:1` })
  t.notOk(existsSync(facts.directory), 'looking changes nothing')
})

t.test('an unknown, a changed and a revoked key are refused, with the line that explains it', skip, async t => {
  const lab = sshLab(t)
  const { port, publicKey } = await lab.start('host', { unknown: true })
  const fingerprint = /SHA256:\S+/.exec(
    execFileSync('ssh-keygen', ['-lf', join(lab.dir, 'host.key.pub')], { encoding: 'utf8' }),
  )![0]
  const unknown = await lab.refusal('host')
  t.match(unknown, { kind: 'unknown-key', fatal: true, message: ONE_LINE })
  t.ok(unknown.message.includes(fingerprint), 'as ssh-keygen shows it')
  t.match(unknown.message, `it is not in ${lab.knownHosts}`)
  t.match(unknown.message, `ssh-keyscan -p ${port} 127.0.0.1`)
  t.match(unknown.message, /accept it by ssh -F \S+ host$/)

  keygen(join(lab.dir, 'other'))
  const other = readFileSync(join(lab.dir, 'other.pub'), 'utf8').trim()
  writeFileSync(lab.knownHosts, `# one line\n[127.0.0.1]:${port} ${other}\n`)
  const changed = await lab.refusal('host')
  t.match(changed, { kind: 'changed-key', fatal: true, message: ONE_LINE })
  t.match(changed.message, `${lab.knownHosts}:2 has SHA256:`)
  t.match(changed.message, `ssh-keygen -R '[127.0.0.1]:${port}' -f ${lab.knownHosts}`)

  writeFileSync(lab.knownHosts, `[127.0.0.1]:${port} ${publicKey}\n@revoked * ${publicKey}\n`)
  t.match(await lab.refusal('host'), { kind: 'revoked-key', fatal: true, message: `${lab.knownHosts}:2 revokes` })

  writeFileSync(lab.knownHosts, `@cert-authority * ${publicKey}\n`)
  t.match(await lab.refusal('host'), { kind: 'unknown-key', message: /certificates torture does not check/ })

  writeFileSync(lab.knownHosts, `[127.0.0.1]:${port} ${publicKey}\n`)
  execFileSync('ssh-keygen', ['-H', '-f', lab.knownHosts], { stdio: 'ignore' })
  t.equal((await lab.connect('host')).facts.node, process.versions.node, 'hashed names are known')
})

t.test('what ssh would accept silently is refused all the same', skip, async t => {
  const lab = sshLab(t)
  await lab.start('host', { unknown: true, more: ['StrictHostKeyChecking no'] })
  t.equal((await lab.refusal('host')).kind, 'unknown-key')
})

t.test('a name of its own for the key', skip, async t => {
  const lab = sshLab(t)
  const { publicKey } = await lab.start('host', { unknown: true, more: ['HostKeyAlias build-box'] })
  appendFileSync(lab.knownHosts, `build-box ${publicKey}\n`)
  t.match((await lab.connect('host')).hostKey, { by: `${lab.knownHosts}:1` })
})

t.test('a wrong user, a key that is not accepted, an encrypted key', skip, async t => {
  const lab = sshLab(t)
  const { port } = await lab.start('host')
  t.match(await lab.refusal('host', { user: 'nobody-of-ours' }), {
    kind: 'auth',
    fatal: true,
    message: `host: nobody-of-ours@127.0.0.1:${port} lets nobody in: it accepts none of the one key; try ssh -F ${lab.configFile} host`,
  })
  const stranger = join(lab.dir, 'stranger')
  keygen(stranger)
  lab.alias('stranger', port, [`IdentityFile ${stranger}`, 'HostName 127.0.0.1'])
  rmSync(lab.identity)
  t.match(await lab.refusal('host'), { kind: 'auth', message: /there is no key to offer/ })
  t.match(await lab.refusal('stranger'), { kind: 'auth', message: /accepts none of the one key/ })
  execFileSync('ssh-keygen', ['-q', '-p', '-P', '', '-N', 'secret', '-f', stranger])
  t.match(await lab.refusal('stranger'), {
    kind: 'auth',
    message: `${stranger} is encrypted and no agent holds it: ssh-add ${stranger}`,
  })
})

t.test('an agent signs for a key that cannot be read', skip, async t => {
  const lab = sshLab(t)
  const { port } = await lab.start('host')
  const socket = join(lab.dir, 'agent')
  const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: ['ignore', 'pipe', 'ignore'] })
  t.teardown(() => agent.kill())
  await new Promise(resolve => agent.stdout.once('data', resolve))
  const env = { ...process.env, SSH_AUTH_SOCK: socket }
  for (const name of ['one', 'two', 'three']) {
    keygen(join(lab.dir, name))
    execFileSync('ssh-add', ['-q', join(lab.dir, name)], { env, stdio: 'ignore' })
  }
  execFileSync('ssh-add', ['-q', lab.identity], { env, stdio: 'ignore' })
  execFileSync('ssh-keygen', ['-q', '-p', '-P', '', '-N', 'secret', '-f', lab.identity])
  // The server lets nobody try more than twice: the key that is named has to come first.
  lab.alias('by-agent', port, [`IdentityAgent ${socket}`])
  lab.alias('by-any', port, [`IdentityAgent ${socket}`, 'IdentitiesOnly no', 'IdentityFile none'])
  t.equal((await lab.connect('by-agent')).facts.node, process.versions.node)
  t.equal((await lab.connect('by-any')).facts.node, process.versions.node, 'its other keys are tried, too')
})

t.test('over jump hosts, each of which is recognised', skip, async t => {
  const lab = sshLab(t)
  await lab.start('gate', { unknown: true })
  await lab.start('second', { jump: 'gate' })
  await lab.start('target', { jump: 'second' })
  t.match(await lab.refusal('target'), {
    kind: 'unknown-key',
    host: 'target',
    message: /^target: 127\.0\.0\.1:\d+ shows/,
  })
  const key = readFileSync(join(lab.dir, 'gate.key.pub'), 'utf8')
  appendFileSync(lab.knownHosts, `* ${key}`)
  t.equal((await lab.connect('target')).facts.node, process.versions.node)
  lab.alias('nowhere', 1, ['ProxyJump gate'])
  t.match(await lab.refusal('nowhere'), { kind: 'unreachable', message: /127\.0\.0\.1:1 cannot be reached from gate/ })
})

t.test('a jump host is logged in to once for all behind it, and left with the last', skip, async t => {
  const lab = sshLab(t)
  const gate = await lab.start('gate')
  const line = await lineTo(t, () => gate.port)
  appendFileSync(lab.knownHosts, `[127.0.0.1]:${line.port} ${gate.publicKey}\n`)
  lab.alias('door', line.port)
  const names = ['a', 'b', 'c']
  for (const name of names) await lab.start(name, { jump: 'door' })
  const reached = await Promise.all(names.map(name => lab.connect(name)))
  t.equal(line.connections(), 1)
  reached[0]!.close()
  t.equal(await reached[0]!.closed, undefined)
  const { facts } = await lab.connect('a')
  t.equal(facts.node, process.versions.node)
  t.equal(line.connections(), 1)
  line.cut()
  for (const { closed } of reached.slice(1)) t.match(await closed, { kind: 'cut' })
  await lab.connect('b')
  t.equal(line.connections(), 2, 'one that broke is not used again')
})

t.test('nobody listens, nobody answers', skip, async t => {
  const lab = sshLab(t)
  const host = await lab.start('host')
  lab.alias('refusing', 1)
  t.match(await lab.refusal('refusing'), {
    kind: 'unreachable',
    fatal: false,
    message: /127\.0\.0\.1:1 cannot be reached: the connection is refused/,
  })
  const line = await lineTo(t, () => host.port)
  line.silence()
  lab.alias('silent', line.port, ['ConnectTimeout 1'])
  t.match(await lab.refusal('silent'), { kind: 'unreachable', fatal: false, message: /does not answer within 1 s/ })
})

t.test('a link that is cut, or dead, is noticed within seconds', skip, async t => {
  const lab = sshLab(t)
  const host = await lab.start('host')
  const [cut, silent] = [await lineTo(t, () => host.port), await lineTo(t, () => host.port)]
  for (const [name, { port }] of Object.entries({ cut, silent })) {
    appendFileSync(lab.knownHosts, `[127.0.0.1]:${port} ${host.publicKey}\n`)
    lab.alias(name, port)
  }
  const reached = await Promise.all([lab.connect('cut'), lab.connect('silent'), lab.connect('host')])
  cut.cut()
  silent.silence()
  t.match(await reached[0].closed, { kind: 'cut', fatal: false })
  const since = performance.now()
  t.match(await reached[1].closed, { kind: 'cut', message: /nothing was heard/ })
  t.ok(performance.now() - since < 15_000)
  reached[2].close()
  t.equal(await reached[2].closed, undefined, 'what we close is no problem')
})

t.test('whoever gives up does not wait', skip, async t => {
  const lab = sshLab(t)
  const host = await lab.start('host')
  const dead = await lineTo(t, () => host.port)
  dead.silence()
  lab.alias('dead', dead.port)
  const { sshCarrier } = await import('../remote/ssh/carrier.ts')
  const controller = new AbortController()
  const asked = sshCarrier({ name: 'dead', carrier: 'ssh' }, { configFile: lab.configFile }).connect(controller.signal)
  setTimeout(() => controller.abort(), 200)
  t.match(await asked.catch(error => error), { kind: 'cut', message: /given up/ })
})
