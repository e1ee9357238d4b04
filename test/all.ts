/**
 * `npm test`: every test file, compiled beforehand and run by plain Node, two at a time. One by itself runs from its
 * source: `npx tap test/x.test.ts`.
 *
 * Left to itself tap puts its loaders into each test file and into every process that one starts, and so into every
 * `torture` and every child of that. Nobody looks at what they record, and they cost as much as what is tested.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build, type Plugin } from 'esbuild'
import t from 'tap'
import { plainNode } from './helpers/node.ts'

const ROOT = fileURLToPath(new URL('../', import.meta.url))
const COMPILED = join(ROOT, '.tap/compiled')
const JOBS = 2
/** Ten times what the slowest takes by itself: a machine that is slow is no failure. */
const LIMIT_MS = 300_000

/** What takes longest begins first, so that both jobs end together. */
const SLOW = [
  'run-life',
  'docs-examples',
  'explore-bodies',
  'fleet-ssh',
  'slurm-run',
  'slurm-life',
  'explore-command',
  'cli-bad-input',
  'replay-command',
  'history-command',
  'explore-memory-model',
  'rerun-forms',
  'fleet-away',
  'fleet-kill',
  'guest-late-errors',
  'bugs-command',
  'explore-reordering',
  'cli-package',
  'foreign-files',
  'emit-command',
  'explore-emit',
  'explore-package',
  'explore-search',
  'bundle-contents',
  'bundle-edits',
  'foreign-code',
  'guest-verdicts',
]

/** Compiled modules find what lies beside their sources. */
const atHome: Plugin = {
  name: 'at-home',
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, ({ path }) => {
      const code = readFileSync(path, 'utf8')
      const url = code.includes('import.meta.url')
        ? `const sourceUrl = ${JSON.stringify(pathToFileURL(path).href)};`
        : ''
      return { contents: url + code, loader: 'ts' }
    })
  },
}

const place = (name: string) => (SLOW.includes(name) ? SLOW.indexOf(name) : SLOW.length)
const names = readdirSync(join(ROOT, 'test'))
  .filter(file => file.endsWith('.test.ts'))
  .map(file => file.slice(0, -'.test.ts'.length))
  .sort((one, other) => place(one) - place(other))
t.same(
  SLOW.filter(name => !names.includes(name)),
  [],
  'the slow ones are there',
)

await build({
  entryPoints: names.map(name => join(ROOT, `test/${name}.test.ts`)),
  outdir: COMPILED,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20.11',
  packages: 'external',
  sourcemap: true,
  sourcesContent: false,
  keepNames: true,
  define: { 'import.meta.url': 'sourceUrl' },
  plugins: [atHome],
  logLevel: 'warning',
})

t.jobs = JOBS
const env = { ...process.env, TAP_TIMEOUT: `${LIMIT_MS / 1000}` }
for (const name of names) {
  const args = [...plainNode, '--enable-source-maps', join(COMPILED, `${name}.test.mjs`)]
  t.spawn('env', args, { buffered: true, timeout: LIMIT_MS, cwd: ROOT, env }, `test/${name}.test.ts`)
}
