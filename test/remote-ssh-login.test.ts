/** What a host's login shell prints or is, and where its Node lies, does not matter; what cannot work is one clear line. */
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { sshLab, withoutSshd } from './helpers/ssh-lab.ts'

const skip = { skip: withoutSshd }

/** A script in place of Node, which says of itself that it is an old one. */
function oldNode(dir: string): string {
  mkdirSync(dir, { recursive: true })
  const preload = join(dir, 'old.cjs')
  writeFileSync(
    preload,
    "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '18.19.0' } })\n",
  )
  const path = join(dir, 'node')
  writeFileSync(path, `#!/bin/sh\nexec '${process.execPath}' --require '${preload}' "$@"\n`)
  chmodSync(path, 0o755)
  return path
}

t.test('what start-up files print is told apart from what we are told', skip, async t => {
  const lab = sshLab(t)
  const noise = "echo Welcome to the lab; printf 'no end of line'; echo on stderr >&2"
  await lab.start('noisy', { force: `${noise}; exec sh -c "$SSH_ORIGINAL_COMMAND"` })
  const { facts } = await lab.connect('noisy')
  t.match(facts, { node: process.versions.node, platform: process.platform, state: 'absent' })
})

for (const shell of ['sh', 'bash', 'dash', 'busybox sh', 'zsh', 'fish', 'csh', 'tcsh']) {
  const missing = withoutSshd || !isInstalled(shell.split(' ')[0])
  t.test(`a login shell may be ${shell}`, { skip: missing && `${shell} is not there` }, async t => {
    const lab = sshLab(t)
    await lab.start('host', { force: `${shell} -c "$SSH_ORIGINAL_COMMAND"` })
    t.equal((await lab.connect('host')).facts.node, process.versions.node)
  })
}

for (const shell of ['dash', 'bash', 'busybox', 'zsh', 'ksh']) {
  const missing = withoutSshd || !isInstalled(shell)
  t.test(`sh may be ${shell}`, { skip: missing && `${shell} is not there` }, async t => {
    const lab = sshLab(t)
    const tools = join(lab.dir, 'tools')
    mkdirSync(tools)
    symlinkSync(pathOf(shell), join(tools, 'sh'))
    await lab.start('host', { env: { PATH: `${tools}:${process.env.PATH}` } })
    t.equal((await lab.connect('host')).facts.node, process.versions.node)
    t.match(await lab.refusal('host', { node: '/nowhere/node' }), { kind: 'no-node' })
  })
}

function pathOf(program: string): string {
  return execFileSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' }).trim()
}

function isInstalled(program: string): boolean {
  try {
    return pathOf(program) !== ''
  } catch {
    return false
  }
}

t.test('an account that may not log in says so', skip, async t => {
  const lab = sshLab(t)
  await lab.start('host', { force: "sh -c 'echo This account is currently not available.; exit 1'" })
  t.match(await lab.refusal('host'), {
    kind: 'protocol',
    fatal: true,
    message: 'host: our program does not start there (status 1): it said "This account is currently not available."',
  })
})

t.test('a missing Node, and an old one, are named before anything starts', skip, async t => {
  const lab = sshLab(t)
  const { home } = await lab.start('host')
  const old = oldNode(join(home, 'old'))
  t.match(await lab.refusal('host', { node: '/nowhere/node' }), {
    kind: 'no-node',
    message: /^host: there is no Node at \/nowhere\/node .*--ship-node$/,
  })
  t.match(await lab.refusal('host', { node: old }), {
    kind: 'old-node',
    message: /its Node .* is 18\.19\.0, too old: install 20\.11 or later/,
  })
})

t.test('of several Nodes the newest that a version manager has is taken', skip, async t => {
  const lab = sshLab(t)
  // No Node in its PATH but an old one: a version manager changes the PATH of interactive shells only.
  const { home } = await lab.start('host', { env: { PATH: `${lab.dir}/host/old:/usr/local/nowhere:/usr/sbin` } })
  const versions = join(home, '.nvm/versions/node')
  for (const version of ['v18.19.0', 'v9.0.0']) oldNode(join(versions, version, 'bin'))
  mkdirSync(join(versions, 'v20.20.2/bin'), { recursive: true })
  symlinkSync(process.execPath, join(versions, 'v20.20.2/bin/node'))
  oldNode(join(home, 'old'))
  // What we start on the way needs /bin in the PATH of this host.
  for (const tool of ['sh', 'uname']) symlinkSync(pathOf(tool), join(home, 'old', tool))
  t.equal((await lab.connect('host')).facts.node, process.versions.node)
})

t.test('paths may hold anything', skip, async t => {
  const lab = sshLab(t)
  const { home } = await lab.start('host')
  const odd = `it's a "dir" $HOME \`id\` \\n\n;* ü`
  mkdirSync(join(home, odd))
  symlinkSync(process.execPath, join(home, odd, 'node'))
  for (const directory of [`${odd}/x`, `~/${odd}/x`, join(home, odd, 'x')]) {
    const { facts } = await lab.connect('host', { directory, node: join(home, odd, 'node') })
    t.equal(facts.directory, join(home, odd, 'x'))
  }
  const { facts } = await lab.connect('host', { node: `${odd}/node` })
  t.equal(facts.directory, join(home, '.torture'), 'a relative path is one in the home')
})
