/** `torture run --inspect`: a debugger finds the TypeScript of what came with us, and nobody else pays for that. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { type Debugger, Session } from 'node:inspector'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import t from 'tap'
import { workspace } from './helpers/cli.ts'

const SCENARIO = 'lost-update'
const SOURCE = 'scenarios/classics/bad/lost-update.ts'

/** Runs it briefly. Returns the folder of the bundle that it was of. */
async function bundleOf(space: ReturnType<typeof workspace>, ...flags: string[]): Promise<string> {
  await space.torture('run', `1*${SCENARIO}`, '--duration', '50ms', '--bridge', '0', ...flags)
  return join(space.dir, 'torture-results/bundles', space.plan().bundle)
}

t.test('what a debugger is told of a module leads to its sources', async t => {
  const space = workspace(t)
  const dir = await bundleOf(space, '--inspect')
  const [{ module }] = space.plan().instances
  const file = pathToFileURL(join(dir, module.replace(/#.*/, ''))).href
  const session = new Session()
  session.connect()
  const maps = new Map<string, string>()
  session.on('Debugger.scriptParsed', ({ params }: { params: Debugger.ScriptParsedEventDataType }) =>
    maps.set(params.url, params.sourceMapURL ?? ''),
  )
  session.post('Debugger.enable')
  await import(file)
  session.disconnect()
  const map = fileURLToPath(new URL(maps.get(file) || 'none', file))
  t.ok(existsSync(map), map)
  const { sources } = JSON.parse(readFileSync(map, 'utf8')) as { sources: string[] }
  const found = sources.map(source => join(dirname(map), source)).find(path => path.endsWith(SOURCE))
  t.same(readFileSync(found ?? map, 'utf8'), readFileSync(new URL(`../${SOURCE}`, import.meta.url), 'utf8'))
  const loaded = [...maps.keys()].filter(url => url.startsWith(pathToFileURL(dir).href))
  t.same(
    loaded.filter(url => !maps.get(url)),
    [],
    'and so it is for the library that it imports',
  )
})

t.test('who asks for no debugger has them packed', async t => {
  const space = workspace(t)
  const dir = await bundleOf(space)
  t.notOk(existsSync(join(dir, 'src')))
  t.same(
    readdirSync(dir).filter(name => name.endsWith('.map')),
    [],
  )
})
