/** What a bundle keeps in one file is read as if it were files; bundles of before have it as files. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t, { type Test } from 'tap'
import type { PlannedInstance } from '../results/schema.ts'
import { keptIn, packKept } from '../torture/bundle/kept.ts'
import { type Manifest, readManifest } from '../torture/bundle/manifest.ts'
import { originalPositions } from '../torture/bundle/original.ts'
import { compareSources } from '../torture/bundle/present.ts'
import { writeFiles } from '../torture/bundle/store.ts'
import { importFrom } from '../torture/guest/load.ts'
import { instanceOf } from './helpers/guest.ts'

const SOURCE = 'src/torture/lib/mine.ts'
/** Generated line 1, column 0 is line 5, column 2 of the first source. */
const MAP = JSON.stringify({ version: 3, sources: [SOURCE], names: [], mappings: 'AAIE' })

const FILES = new Map<string, Uint8Array>([
  [SOURCE, Buffer.from('one\ntwo\n')],
  ['chunk-A.js.map', Buffer.from(MAP)],
])
const layouts = { 'schema 2': new Map([packKept(FILES)]), 'schema 1': FILES }

for (const [layout, files] of Object.entries(layouts)) {
  t.test(layout, async t => {
    const dir = t.testdir({})
    writeFiles(dir, files)
    const kept = keptIn(dir)
    t.equal(kept(SOURCE)?.toString(), 'one\ntwo\n')
    t.equal(kept('src/torture/lib/other.ts'), undefined)
    const stack = `Error: x\n    at f (${join(dir, 'chunk-A.js')}:1:1)\n    at g (${pathToFileURL(join(dir, 'none.js'))}:1:1)`
    t.equal(
      originalPositions(stack, dir),
      stack.replace(`${join(dir, 'chunk-A.js')}:1:1`, `${join(dir, SOURCE)}:5:3`),
      'positions lead to sources, wherever those are',
    )
  })
}

/** A bundle whose scenario's source is in the package, or not. */
function bundleWith(t: Test, source: string, contents: Uint8Array) {
  const dir = t.testdir({})
  writeFiles(dir, new Map([packKept(new Map([[source, contents]]))]))
  const module = 'scenarios/classics.js#lost-update'
  const scenario = { module, source, builtin: true }
  const manifest = { schema: 2, scenarios: [scenario], inputs: [source] } as unknown as Manifest
  return { bundle: { hash: '', dir, manifest }, instance: instanceOf('x', {}, { module }) as PlannedInstance }
}

t.test('sources of today are compared with those that are kept', async t => {
  const source = 'src/torture/scenarios/classics/lost-update.ts'
  const now = readFileSync(new URL('../scenarios/classics/lost-update.ts', import.meta.url))
  const same = bundleWith(t, source, now)
  t.match(compareSources(same.bundle, same.instance), { state: 'same' })
  const changed = bundleWith(t, source, Buffer.concat([now, Buffer.from('\n')]))
  t.match(compareSources(changed.bundle, changed.instance), { state: 'changed' })
})

t.test('bundles of a later layout are not read', async t => {
  const dir = t.testdir({ 'bundle.json': '{ "schema": 3 }' })
  t.throws(() => readManifest(dir), { message: /bundle\.json has schema 3; this version reads 1 and 2/ })
})

t.test('a module of several, and one of its own by any name', async t => {
  const dir = t.testdir({})
  const modules = {
    'scenarios/mm.js': 'export const a = 1\nconst b = 2\nexport { b as "bad/b" }',
    'user-a b.js': 'export default 3',
    'user-c:d.js': 'export default 4',
    'scenarios/x.js': 'export default 5',
  }
  writeFileSync(join(dir, 'package.json'), '{ "type": "module" }')
  for (const [path, code] of Object.entries(modules)) {
    mkdirSync(dirname(join(dir, path)), { recursive: true })
    writeFileSync(join(dir, path), code)
  }
  const entry = pathToFileURL(join(dir, 'guest.js')).href
  const names = ['scenarios/mm.js#a', 'scenarios/mm.js#bad/b', 'user-a b.js', 'user-c:d.js', 'scenarios/x.js']
  t.same(await Promise.all(names.map(name => importFrom(name, entry))), [1, 2, 3, 4, 5])
})
