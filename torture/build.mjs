/**
 * `npm run build`: four products in dist/.
 *
 *   dist/**        what tsc emits: modules and types, for whoever imports the package
 *   dist/cli/      the command, bundled: yargs loaded file by file costs more than everything else that `--help` does
 *   dist/host/     the program that is sent to the hosts of a fleet, in one file
 *   dist/bundle/   the bundle of all built-in scenarios, so that running one needs neither esbuild nor a describe child
 */
import { spawn } from 'node:child_process'
import { chmodSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const out = join(root, 'dist')

/** Node has no own bundle format for CommonJS inside ESM: what esbuild wraps needs a `require`. */
const banner =
  "import { createRequire as __createRequire } from 'node:module'\nconst require = __createRequire(import.meta.url)"

function run(command, args) {
  return new Promise(resolve => {
    const child = spawn(command, args, { cwd: root, stdio: 'inherit' })
    child.on('close', status => resolve(status ?? 1))
  })
}

const compileTypes = () => run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', root])

const shared = {
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.11',
  // What a command must find on disk (a worker file, a binary, native addons) stays outside.
  external: ['piscina', 'esbuild', 'ssh2'],
  banner: { js: banner },
  logLevel: 'warning',
}

/** What every run loads. */
const CORE = ['commands/run', 'runner/run-plan'].map(name => join(root, `torture/${name}.ts`))

/**
 * What a run loads becomes one chunk, as everything that is loaded later has it, too. There would be one for each set of
 * later modules that share something, and forty to load for a run, most of a few hundred bytes: Node takes longer to
 * find such a file than to read it.
 */
const core = {
  name: 'core',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^\..*\.ts$/, namespace: 'file' }, ({ path, kind, resolveDir }) =>
      kind === 'dynamic-import' ? { path: join(resolveDir, path), namespace: 'later' } : undefined,
    )
    onLoad({ filter: /.*/, namespace: 'later' }, ({ path }) => ({
      contents: `${CORE.map(file => `import ${JSON.stringify(file)}\n`).join('')}export * from ${JSON.stringify(path)}\n`,
      resolveDir: root,
    }))
  },
}

/** A new folder takes the place of the old one at once: somebody may be using it. */
async function bundleCommand() {
  const draft = join(out, `.cli-${process.pid}`)
  await build({
    ...shared,
    entryPoints: { cli: join(root, 'torture/cli.ts') },
    outdir: draft,
    splitting: true,
    plugins: [core],
    chunkNames: '[name]-[hash]',
    minify: true,
    // Names stay: they are what `internal error` prints.
    keepNames: true,
  })
  chmodSync(join(draft, 'cli.js'), 0o755)
  rmSync(join(out, 'cli'), { recursive: true, force: true })
  renameSync(draft, join(out, 'cli'))
}

async function bundlePorter() {
  const draft = join(out, `.porter-${process.pid}.cjs`)
  const porter = join(root, 'remote/host/porter.ts')
  await build({ ...shared, banner: {}, format: 'cjs', entryPoints: [porter], outfile: draft, minify: true })
  mkdirSync(join(out, 'host'), { recursive: true })
  renameSync(draft, join(out, 'host/porter.cjs'))
}

/** The command's own code makes the bundle; here it is loaded from its sources, as nothing else is built yet. */
async function bundleScenarios() {
  const maker = join(out, `.maker-${process.pid}.mjs`)
  await build({ ...shared, entryPoints: [join(root, 'torture/bundle/builtin.ts')], outfile: maker })
  try {
    const { buildBuiltins } = await import(pathToFileURL(maker).href)
    await buildBuiltins()
  } finally {
    rmSync(maker)
  }
}

// A type error fails the build at its end: what can be made is made, so that one open file does not stop the others.
const [typeErrors] = await Promise.all([compileTypes(), bundleCommand(), bundlePorter(), bundleScenarios()])
process.exitCode = typeErrors
