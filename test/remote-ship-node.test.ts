/** `--ship-node`: a host without a Node that fits gets ours. */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { MARKER } from '../remote/host/layout.ts'
import { sshLab, withoutSshd } from './helpers/ssh-lab.ts'

const skip = { skip: withoutSshd }
const shipNode = { shipNode: true }

t.test('Node arrives once, is proved, and serves from then on', skip, async t => {
  const lab = sshLab(t)
  const { home } = await lab.start('host')
  const spec = { node: '/nowhere/node', directory: "the lab's" }
  t.equal((await lab.refusal('host', spec)).kind, 'no-node')
  const { facts } = await lab.connect('host', spec, shipNode)
  const [name, ...others] = readdirSync(join(home, spec.directory, 'node'))
  t.match(name, new RegExp(`^${process.version}-${process.platform}-${process.arch}-[0-9a-f]{16}$`))
  t.same(others, [])
  t.match(facts, {
    node: process.versions.node,
    nodePath: join(home, spec.directory, 'node', name!, 'node'),
    state: 'ours',
  })
  const since = performance.now()
  await lab.connect('host', spec, shipNode)
  t.same(readdirSync(join(home, spec.directory)).sort(), [MARKER, 'node'])
  t.comment(`${Math.round(performance.now() - since)} ms when it is there`)
})

t.test('a directory that is not ours gets no Node', skip, async t => {
  const lab = sshLab(t)
  const { home } = await lab.start('host')
  mkdirSync(join(home, 'photos'))
  writeFileSync(join(home, 'photos/holiday.jpg'), 'x')
  const spec = { node: '/nowhere/node', directory: 'photos' }
  t.match(await lab.refusal('host', spec, shipNode), { kind: 'not-ours', message: /photos is not torture's/ })
  t.same(readdirSync(join(home, 'photos')), ['holiday.jpg'])
})

t.test('another system is refused before anything is sent', skip, async t => {
  const lab = sshLab(t)
  const { home } = await lab.start('host')
  // A uname that lies: sh looks in this PATH first.
  const tools = join(home, 'tools')
  mkdirSync(tools)
  writeFileSync(join(tools, 'uname'), '#!/bin/sh\necho Plan9 mips\n', { mode: 0o755 })
  await lab.start('other', { env: { PATH: `${tools}:/usr/local/bin:/usr/bin:/bin` } })
  const spec = { node: '/nowhere/node' }
  t.match(await lab.refusal('other', spec, shipNode), {
    kind: 'no-node',
    message: `other: it is Plan9 mips, and the Node of this machine is for ${process.platform}-${process.arch}: install Node there`,
  })
  t.same(readdirSync(join(lab.dir, 'other/.torture/node')), [], 'nothing is left')
})
