/** What gets into a bundle, and that it depends on the contents of the sources alone. */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import t from 'tap'
import { type Workspace, workspace } from './helpers/cli.ts'

/** A TypeScript scenario with a helper, a CommonJS package that finds its file by __dirname, an asset, a top-level await. */
const PROJECT = {
  'package.json': '{ "name": "project", "private": true }',
  'node_modules/plain/package.json': '{ "name": "plain", "version": "1.0.0", "main": "./index.js" }',
  'node_modules/plain/index.js': "const os = require('os')\nmodule.exports = { plain: typeof os.cpus }\n",
  'node_modules/homely/package.json': '{ "name": "homely", "version": "1.0.0", "dependencies": { "below": "*" } }',
  'node_modules/homely/index.js':
    "const { readFileSync } = require('fs')\nconst { join } = require('path')\nrequire('below')\nmodule.exports = readFileSync(join(__dirname, 'data.txt'), 'utf8')\n",
  'node_modules/homely/data.txt': 'from home',
  'node_modules/below/package.json': '{ "name": "below", "version": "1.0.0" }',
  'node_modules/below/index.js': 'module.exports = 1\n',
  // By the name of one that the guest itself is made of.
  'node_modules/piscina/package.json': '{ "name": "piscina", "version": "0.0.1" }',
  'node_modules/piscina/index.js': "module.exports = 'theirs' + require('fs').readdirSync(__dirname).length\n",
  'tests/helper.ts': 'export const step = (n: number): number => n + 1\n',
  'tests/table.json': '{ "steps": 2 }',
  'tests/ring.torture.ts': `import { readFileSync } from 'node:fs'
import { defineScenario } from 'torture'
import plain from 'plain'
import homely from 'homely'
import piscina from 'piscina'
import { step } from './helper.ts'

const table = JSON.parse(readFileSync(new URL('./table.json', import.meta.url), 'utf8')) as { steps: number }
const summary: string = await Promise.resolve([plain.plain, homely, piscina, table.steps].join(' '))

export default defineScenario({
  name: 'ring',
  summary,
  setup: () => ({ cell: new Int32Array(new SharedArrayBuffer(4)) }),
  threads: { adder: { count: 1, run: ({ shared }) => { Atomics.add(shared.cell, 0, step(0)) } } },
  check: () => {
    throw new Error('look where I was thrown')
  },
})
`,
}

/** What comes with us lies together: scenarios by folder, sources packed. */
const MOST_FILES = 120
const root = dirname(dirname(fileURLToPath(import.meta.url)))

const bundleOf = ({ dir, plan }: Workspace) => join(dir, 'torture-results/bundles', plan().bundle)

t.test('a scenario of another project', async t => {
  const here = workspace(t)
  here.write(PROJECT)
  const { status, stderr } = await here.torture('run', 'tests/ring.torture.ts', '--duration', '200ms')
  t.equal(status, 1, stderr)
  const bundle = bundleOf(here)
  const manifest = JSON.parse(readFileSync(join(bundle, 'bundle.json'), 'utf8'))
  const ring = manifest.scenarios.find(({ name }: { name: string }) => name === 'ring')
  t.match(ring, { summary: 'function from home theirs2 2', source: 'src/user/tests/ring.torture.ts', builtin: false })
  for (const path of [
    ring.module,
    ring.source,
    'src/user/tests/helper.ts',
    'node_modules/homely/data.txt',
    'node_modules/below/index.js',
  ]) {
    t.ok(existsSync(join(bundle, path)), path)
  }
  t.notOk(existsSync(join(bundle, 'node_modules/plain')), 'what can be bundled is')
  const ours = readdirSync(bundle, { recursive: true }).filter(path => !/^(src|node_modules)/.test(String(path)))
  t.ok(ours.length < MOST_FILES, `${ours.length} files, and hosts write each of them`)

  const [run] = here.runs()
  const failure = JSON.parse(
    readFileSync(join(here.dir, 'torture-results', run, 'ring.1/failures/1/failure.json'), 'utf8'),
  )
  t.match(failure.stack, /ring\.torture\.ts:17:\d+/, "the user's file and line")

  await t.test('the same project elsewhere has the same hash', async t => {
    const there = workspace(t)
    there.write({ ...PROJECT, 'deep/er/unrelated.txt': 'x' })
    await there.torture('run', './tests/ring.torture.ts', '--duration', '100ms')
    t.equal(there.plan().bundle, here.plan().bundle)
  })
  await t.test('no path of this machine is in it', async t => {
    for (const entry of readdirSync(bundle, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue
      const contents = readFileSync(join(entry.parentPath ?? entry.path, entry.name))
      const text = entry.name === 'sources.gz' ? gunzipSync(contents) : contents
      for (const path of [here.dir, root]) t.notOk(text.includes(path), `${entry.name} without ${path}`)
    }
  })
})

t.test('what cannot be bundled is named, before anything starts', async t => {
  const here = workspace(t)
  here.write({
    'a.mjs': "export const url = new URL('./absent.json', import.meta.url)\nexport default {}",
    'b.mjs':
      "import { readFileSync } from 'node:fs'\nreadFileSync(import.meta.dirname + '/data.txt')\nexport default {}",
    'c.mjs':
      "import { createRequire } from 'node:module'\ncreateRequire(import.meta.url)('./addon.node')\nexport default {}",
  })
  for (const [file, expected] of Object.entries({
    './a.mjs': /a.mjs: .*no such file/,
    './b.mjs': /b.mjs:2:\d+: .*open 'data.txt': name files beside yours as new URL/,
    './c.mjs': /c.mjs:2:\d+: .*addon\.node/,
  })) {
    const { status, stderr } = await here.torture('run', file)
    t.equal(status, 2)
    t.match(stderr, expected)
    t.equal(stderr.trimEnd().split('\n').length, 1)
  }
  t.same(here.runs(), [])
})

const ADDON = findAddon()

/** Any addon of the platform will do. */
function findAddon(): string | undefined {
  try {
    return createRequire(import.meta.url).resolve('@napi-rs/nice-linux-x64-gnu/nice.linux-x64-gnu.node')
  } catch {
    // Optional packages differ by platform.
    return undefined
  }
}

t.test('a native addon goes along', { skip: ADDON === undefined && 'no addon for this platform' }, async t => {
  const here = workspace(t)
  here.write({
    'node_modules/native/package.json': '{ "name": "native", "version": "1.0.0" }',
    'node_modules/native/index.js': "module.exports = require('./build/native.node')\n",
    's.mjs': `import native from 'native'
export default { name: 'native', summary: typeof native.nice, setup: () => ({}), threads: { one: { run: () => native.nice(0) } } }`,
  })
  mkdirSync(join(here.dir, 'node_modules/native/build'))
  copyFileSync(ADDON!, join(here.dir, 'node_modules/native/build/native.node'))
  const { status, stderr } = await here.torture('run', './s.mjs', '--duration', '100ms')
  t.equal(status, 0, stderr)
})
