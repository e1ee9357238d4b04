/** A scenario of another project, with all that such code may import, find or start: it runs, and its bundle elsewhere. */
import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { type Workspace, workspace } from './helpers/cli.ts'

/** Packages in node_modules: their files by name, package.json as an object. */
const PACKAGES: Readonly<Record<string, { readonly is?: object; readonly files: Readonly<Record<string, string>> }>> = {
  captures: {
    files: {
      'index.js': "const { load } = Atomics\nexports.read = cells => load(cells, 0) + require('./one.json')",
      'one.json': '1',
    },
  },
  conditional: {
    is: {
      exports: { '.': { browser: './b.js', import: './i.mjs', require: './r.cjs' }, './sub': { node: './sub.mjs' } },
    },
    files: {
      'i.mjs': "export default await Promise.resolve('import')",
      'r.cjs': "module.exports = 'require'",
      'sub.mjs': "export const sub = 'sub'",
    },
  },
  requires: {
    is: { dependencies: { conditional: '1' } },
    files: { 'index.js': "module.exports = require('conditional')" },
  },
  'by-name': {
    files: {
      'index.js': "const name = n => ['.', 'impl-' + n].join('/')\nmodule.exports = require(name(2))",
      'impl-2.js': 'module.exports = 2',
    },
  },
  peers: {
    is: { main: 'i.mjs', peerDependencies: { requires: '*', absent: '*' } },
    files: {
      'i.mjs':
        "import { readFileSync } from 'node:fs'\nimport way from 'requires'\nexport default way + readFileSync(new URL('./data.txt', import.meta.url), 'utf8')",
      'data.txt': '+data',
    },
  },
  '@scope/works': {
    is: { type: 'module', exports: './index.js' },
    files: {
      'index.js':
        "import { Worker } from 'node:worker_threads'\nexport const start = workerData => new Worker(new URL('./w.js', import.meta.url), { workerData })",
      'w.js':
        "import { workerData } from 'node:worker_threads'\nimport { one } from './one.js'\nAtomics.add(workerData, 0, one)\nAtomics.notify(workerData, 0)",
      'one.js': 'export const one = 1',
    },
  },
}

const PROJECT: Record<string, string> = {
  'package.json': '{ "private": true, "imports": { "#inner": "./src/inner.ts" } }',
  'tsconfig.json': '{ "compilerOptions": { "paths": { "@/*": ["./src/*"] } } }',
  'src/inner.ts': 'export const inner: number = 7\n',
  'src/aliased.ts': 'export enum Colour { Red, Green }\n',
  'src/worker.ts': `import { Worker, workerData } from 'node:worker_threads'
import { inner } from '#inner'
Atomics.add(workerData, 0, inner satisfies number)
Atomics.notify(workerData, 0)
new Worker(new URL('./own.cjs', import.meta.url), { workerData })
`,
  'src/own.cjs':
    "const { workerData } = require('node:worker_threads')\nAtomics.add(workerData, 0, require('by-name'))\nAtomics.notify(workerData, 0)\n",
  'src/mine.torture.ts': `import { Worker } from 'node:worker_threads'
import { defineScenario } from 'torture'
import { start } from '@scope/works'
import byName from 'by-name'
import { read } from 'captures'
import way from 'conditional'
import { sub } from 'conditional/sub'
import peers from 'peers'
import required from 'requires'
import { inner } from '#inner'
import { Colour } from '@/aliased'
const late: string = await Promise.resolve('late')
const none = await import('not-installed').catch(() => 'none')

export default defineScenario({
  name: 'mine',
  summary: [way, sub, required, peers, byName, inner, Colour[1], late, none].join(' '),
  setup: () => {
    const cells = new Int32Array(new SharedArrayBuffer(4))
    new Worker(new URL('./worker.ts', import.meta.url), { workerData: cells })
    start(cells)
    // 7 of the worker, 2 of the one that it starts, 1 of the package's.
    for (let sum = 0; sum !== 10; sum = Atomics.load(cells, 0)) Atomics.wait(cells, 0, sum, 5000)
    return { cells }
  },
  threads: { one: { count: 2, run: ({ shared, fail }) => { if (read(shared.cells) !== 11) fail('another value') } } },
})
`,
}
for (const [name, { is, files }] of Object.entries(PACKAGES)) {
  PROJECT[`node_modules/${name}/package.json`] = JSON.stringify({ name, version: '1.0.0', ...is })
  for (const [file, text] of Object.entries(files)) PROJECT[`node_modules/${name}/${file}`] = text
}

const summaryOf = ({ dir, plan }: Workspace) => {
  const bundle = join(dir, 'torture-results/bundles', plan().bundle, 'bundle.json')
  const { scenarios } = JSON.parse(readFileSync(bundle, 'utf8'))
  return scenarios.find(({ name }: { name: string }) => name === 'mine').summary
}

t.test('packages of all kinds, workers, assets, aliases; from another directory', async t => {
  const here = workspace(t)
  here.write(Object.fromEntries(Object.entries(PROJECT).map(([path, text]) => [`project/${path}`, text])))
  const { status, stderr, stdout } = await here.torture('run', './project/src/mine.torture.ts', '--duration', '100ms')
  t.equal(status, 0, stderr + stdout)
  t.equal(summaryOf(here), 'import sub require require+data 2 7 Green late none')

  await t.test('the bundle runs where nothing of the project is', async t => {
    const elsewhere = mkdtempSync(join(realpathSync(tmpdir()), 'torture-test-'))
    t.teardown(() => rmSync(elsewhere, { recursive: true }))
    const { bundle } = here.plan()
    cpSync(join(here.dir, 'torture-results/bundles', bundle), join(elsewhere, 'code'), { recursive: true })
    cpSync(join(here.dir, 'torture-results', here.runs()[0]!, 'mine.1/command.json'), join(elsewhere, 'command.json'))
    rmSync(here.dir, { recursive: true })
    const said = await new Promise<string>(resolve => {
      const env = { PATH: process.env.PATH, TMPDIR: elsewhere }
      const args = [join(elsewhere, 'code/guest.js'), join(elsewhere, 'command.json')]
      execFile(process.execPath, args, { cwd: elsewhere, env }, (_, stdout, stderr) => resolve(stdout + stderr))
    })
    t.match(said, /^mine\.1 pass: \d+ rounds/m)
  })
})

t.test('every form of file, with and without a package.json', async t => {
  const here = workspace(t)
  const scenario = (name: string) =>
    `{ name: '${name}', summary: '', setup: () => ({}), threads: { one: { run: () => 1 } } }`
  const files = {
    'typed.ts': `import { defineScenario } from 'torture'\nenum A { B }\nexport default defineScenario(${scenario('ts')}) as unknown`,
    'typed.mts': `export default ${scenario('mts')} as object`,
    'modern.js': `export default ${scenario('js')}`,
    'modern.mjs': `export default ${scenario('mjs')}`,
    'common.js': `'use strict'\nconst { defineScenario } = require('torture')\nmodule.exports = defineScenario(${scenario('cjs')})`,
    'compiled.js': `Object.defineProperty(exports, '__esModule', { value: true })\nexports.default = ${scenario('compiled')}`,
    'commonjs/package.json': '{ "type": "commonjs" }',
    'commonjs/typed.ts': `export default ${scenario('ts-in-commonjs')} as object`,
    'module/package.json': '{ "type": "module" }',
    'module/modern.js': `export default ${scenario('js-in-module')}`,
    'with blank/ümlaut.torture.js': `export default ${scenario('blank')}`,
    'commas, too/a,b.ts': `export default ${scenario('comma')} as object`,
    'what?/is#this 100%.mjs': `export default ${scenario('hash')}`,
  }
  here.write(files)
  symlinkSync(join(here.dir, 'modern.mjs'), join(here.dir, 'link.mjs'))
  const selected = Object.keys(files).filter(file => !file.endsWith('.json'))
  const planned = await here.torture('run', ...selected.map(file => `./${file}`), './link.mjs', '--dry-run')
  t.equal(planned.status, 2, 'the link is the same file, and the same name')
  t.match(planned.stderr, "both named 'mjs'")
  t.equal((await here.torture('run', ...selected.map(file => `./${file}`), '--dry-run')).status, 0)
  // The guest imports them itself.
  const odd = selected.filter(file => /[,#]|^co/.test(file)).map(file => `./${file}`)
  const { status, stderr } = await here.torture('run', odd.join(), '--duration', '50ms')
  t.equal(status, 0, stderr)
  t.equal(here.summary().instances.length, odd.length)
})
