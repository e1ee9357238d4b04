/** Packages that cannot be bundled go along as they are, with what they depend on. */
import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { InfrastructureError, UsageError } from '../errors.ts'
import { packageRoot } from '../paths.ts'

const LARGEST = 256 << 20

interface PackageJson {
  readonly version?: string
  readonly license?: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

/** What the guest loads of piscina: itself, and what its workers begin with. */
const PISCINA = ['main', 'worker']

/**
 * piscina, of each of its programs one file: Node looks at a dozen otherwise, in each thread. It is the guest's own, in a
 * place where no scenario finds it: one that imports piscina is to get the one that is installed beside it.
 */
export async function piscinaFiles(): Promise<Map<string, Uint8Array>> {
  const main = createRequire(join(packageRoot, 'package.json')).resolve('piscina')
  const folder = findFolder('piscina', dirname(main))
  if (folder === undefined)
    throw new InfrastructureError('piscina is not installed beside torture: install torture again')
  const { build } = await import('esbuild')
  const { outputFiles } = await build({
    entryPoints: PISCINA.map(name => join(folder, 'dist', `${name}.js`)),
    absWorkingDir: folder,
    outdir: folder,
    bundle: true,
    platform: 'node',
    target: 'node20.11',
    // Changes priorities, which is not asked for.
    external: ['@napi-rs/nice'],
    write: false,
    logLevel: 'silent',
  })
  const at = 'harness/node_modules/piscina'
  const files = new Map(outputFiles.map(({ path, contents }) => [`${at}/${basename(path)}`, contents]))
  const { version, license } = manifest(folder)
  const description = { name: 'piscina', version, license, main: `${PISCINA[0]}.js` }
  files.set(`${at}/package.json`, Buffer.from(`${JSON.stringify(description, null, 2)}\n`))
  files.set(`${at}/LICENSE`, readFileSync(join(folder, 'LICENSE')))
  return files
}

/** All files of packages and of what they depend on, by path in the bundle. */
export function packageFiles(packages: ReadonlyMap<string, string>): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>()
  const placed = new Map<string, string>()
  const place = (name: string, folder: string, under: string) => {
    const real = realpathSync(folder)
    // A second version of a package lies below the one that asks for it, as npm does it.
    const at = (placed.get(name) ?? real) === real ? `node_modules/${name}` : `${under}/node_modules/${name}`
    if (placed.get(at) === real) return
    placed.set(name, placed.get(name) ?? real)
    placed.set(at, real)
    for (const [path, contents] of collect(real, at, path => !/(^|\/)node_modules(\/|$)/.test(path)))
      files.set(path, contents)
    const { dependencies, ...dispensable } = manifest(real)
    const optional = { ...dispensable.peerDependencies, ...dispensable.optionalDependencies }
    for (const dependency of Object.keys({ ...dependencies, ...optional }).sort()) {
      const found = findFolder(dependency, real)
      if (found !== undefined) place(dependency, found, at)
      else if (optional[dependency] === undefined) {
        throw new UsageError(`package ${name} needs ${dependency}, which is not installed: run npm install`)
      }
    }
  }
  for (const [name, folder] of packages) place(name, folder, '')
  return files
}

const manifest = (folder: string): PackageJson => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))

/** As Node looks for a package, whatever its `exports` say. */
function findFolder(name: string, from: string): string | undefined {
  for (let dir = from; ; dir = dirname(dir)) {
    const folder = join(dir, 'node_modules', name)
    if (existsSync(join(folder, 'package.json'))) return folder
    if (dir === dirname(dir)) return undefined
  }
}

function collect(folder: string, as: string, wanted: (path: string) => boolean): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>()
  let size = 0
  const walk = (below: string) => {
    for (const name of readdirSync(join(folder, below)).sort()) {
      const path = below === '' ? name : `${below}/${name}`
      if (!wanted(path)) continue
      const stat = statSync(join(folder, path))
      if (stat.isDirectory()) walk(path)
      else if (stat.isFile()) {
        size += stat.size
        if (size > LARGEST) throw new UsageError(`${folder} is too large for a bundle: more than ${LARGEST >> 20} MiB`)
        files.set(`${as}/${path}`, readFileSync(join(folder, path)))
      }
    }
  }
  walk('')
  return files
}
