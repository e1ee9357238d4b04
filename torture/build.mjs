/**
 * `npm run build`: three products in dist/.
 *
 *   dist/**        what tsc emits: modules and types, for whoever imports the package
 *   dist/cli/      the command, bundled: yargs loaded file by file costs more than everything else that `--help` does
 *   dist/bundle/   the bundle of all built-in scenarios, so that running one needs neither esbuild nor a describe child
 */
import { spawn } from 'node:child_process'
import { chmodSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
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

async function bundleCommand() {
  rmSync(join(out, 'cli'), { recursive: true, force: true })
  const common = {
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.11',
    minify: true,
    // Names stay: they are what `internal error` prints.
    keepNames: true,
    // What a command must find on disk (a worker file, a binary, native addons) stays outside.
    external: ['piscina', 'esbuild', 'ssh2'],
    banner: { js: banner },
    logLevel: 'warning',
  }
  await build({
    ...common,
    entryPoints: { cli: join(root, 'torture/cli.ts') },
    outdir: join(out, 'cli'),
    splitting: true,
    chunkNames: '[name]-[hash]',
    sourcemap: false,
  })
  chmodSync(join(out, 'cli/cli.js'), 0o755)
}

async function bundleScenarios() {
  const { buildBuiltins } = await import('../dist/torture/bundle/builtin.js')
  await buildBuiltins()
}

// A type error fails the build at its end: what can be made is made, so that one open file does not stop the others.
const [typeErrors] = await Promise.all([compileTypes(), bundleCommand()])
await bundleScenarios()
process.exitCode = typeErrors
