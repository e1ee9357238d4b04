/**
 * A user's file is linked to the bundle of the built-ins instead of compiling all of it again: what comes out is the
 * same whatever has happened to that bundle.
 */
import { execFile } from 'node:child_process'
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { hashFolder } from '../results/bundle-text.ts'
import { keptIn } from '../torture/bundle/kept.ts'
import { reexports } from '../torture/bundle/linked.ts'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const command = promisify(execFile)

/** It fails at import unless what it uses is there, and is what the library uses itself. */
const USER = `import { defineScenario } from 'torture'
import { ArenaBuilder, models, TICKET_LOCK, TicketLock } from 'torture/lib'
if (Object.keys(models).length === 0) throw new Error('no models')
new ArenaBuilder()
export default defineScenario({
  name: 'linked', summary: [TicketLock.name, typeof TICKET_LOCK].join(' '),
  setup: () => ({ cells: new Int32Array(new SharedArrayBuffer(4)) }),
  threads: { adder: { run: ({ shared }) => { Atomics.add(shared.cells, 0, 1) } } },
})`

t.test('what an entry exports is taken from the chunk that has it', async t => {
  const code = [
    'import {',
    '  Lock,',
    '  b as b2',
    '} from "./chunk-A.js";',
    'import "./chunk-B.js";',
    'var own = {};',
    'export {',
    '  Lock,',
    '  b2 as pass,',
    '  own',
    '};',
  ].join('\n')
  t.same(reexports('./lib.js', code).trimEnd().split('\n'), [
    "export { Lock as Lock } from './chunk-A.js'",
    "export { b as pass } from './chunk-A.js'",
    "export { own as own } from './lib.js'",
  ])
})

t.test('in a checkout', async t => {
  const dir = realpathSync(t.testdir())
  const copy = join(dir, 'copy')
  for (const name of ['dist', 'lib', 'remote', 'results', 'scenarios', 'torture', 'package.json', 'tsconfig.json'])
    cpSync(join(root, name), join(copy, name), { recursive: true, preserveTimestamps: true })
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  const work = join(dir, 'work')
  mkdirSync(work)
  writeFileSync(join(work, 'package.json'), '{}')
  writeFileSync(join(work, 'user.mjs'), USER)
  const folder = join(copy, 'dist/bundle')
  const current = () => JSON.parse(readFileSync(join(folder, 'current.json'), 'utf8')).hash as string
  const run = (file: string, ...args: string[]) =>
    command(process.execPath, [join(copy, 'dist/cli/cli.js'), 'run', file, ...args], { cwd: work })
  /** The first digits of the bundle's hash. */
  const bundleOf = async (file: string) => {
    const { stdout } = await run(file, '--dry-run')
    return /bundle ([0-9a-f]+)/.exec(stdout)?.[1]
  }

  await run('./user.mjs', '--duration', '100ms')
  const [stored] = readdirSync(join(work, 'torture-results/bundles'))
  const bundle = join(work, 'torture-results/bundles', stored)
  const linked = stored.slice(0, 12)
  await t.test('the library is there once', async t => {
    const compiled = readFileSync(join(bundle, 'user-user.js'), 'utf8')
    t.match(compiled, /import \{[^}]*TicketLock[^}]*\} from "\.\/chunk-/)
    t.notMatch(compiled, /class TicketLock/)
    t.equal(hashFolder(bundle), stored, 'named by what is in it')
    t.ok(existsSync(join(bundle, 'src/user/user.mjs')))
    const lock = 'lib/sync/ticket-lock.ts'
    t.same(keptIn(bundle)(`src/torture/${lock}`), readFileSync(join(copy, lock)))
  })

  await t.test('what is not exported is compiled together with all that uses it', async t => {
    mkdirSync(join(copy, 'own'))
    writeFileSync(join(copy, 'own/inside.mjs'), `import '../lib/sync/ticket-lock.ts'\n${USER}`)
    t.match(await bundleOf('../copy/own/inside.mjs'), /^[0-9a-f]{12}$/)
  })

  await t.test('a damaged bundle of built-ins is made again, by two processes at once', async t => {
    const whole = current()
    appendFileSync(join(folder, whole, 'lib.js'), '\nthrow new Error("damaged")\n')
    rmSync(join(folder, whole, 'thread.js'))
    t.same(await Promise.all([bundleOf('./user.mjs'), bundleOf('./user.mjs')]), [linked, linked])
    t.equal(current(), whole)
    t.equal(hashFolder(join(folder, whole)), whole)
    t.same(
      readdirSync(folder).filter(name => name.startsWith('.')),
      [],
      'and leaves nothing else',
    )
  })

  await t.test('where the folder is closed, and a source was edited', async t => {
    rmSync(folder, { recursive: true })
    writeFileSync(folder, 'in the way')
    const source = join(copy, 'lib/sync/ticket-lock.ts')
    writeFileSync(source, `${readFileSync(source, 'utf8')}export const brandNew = 1\n`)
    const edited = await bundleOf('./user.mjs')
    t.match(edited, /^[0-9a-f]{12}$/)
    t.not(edited, linked, 'the edit counts')
    t.ok(statSync(folder).isFile())
  })
})
