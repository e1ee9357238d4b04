/**
 * The bundle of the built-in scenarios, made by the build and kept in dist/bundle/. In a checkout a source that was
 * edited since makes it anew on the next run, so that edits take effect without a build step.
 */
import { createHash } from 'node:crypto'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { join } from 'node:path'
import { replaceJson } from '../../results/files.ts'
import { packageRoot } from '../paths.ts'
import type { Entries } from './compile.ts'
import { type Bundle, readManifest } from './manifest.ts'

const folder = join(packageRoot, 'dist/bundle')
const currentFile = join(folder, 'current.json')

interface Stamp {
  readonly path: string
  readonly size: number
  readonly mtimeMs: number
  readonly sha256: string
}

/** Which bundle is the present one, and the sources that it was made from. */
interface Current {
  readonly hash: string
  readonly inputs: readonly Stamp[]
  readonly scenarios: readonly string[]
  readonly bugs: readonly string[]
}

/**
 * The sources of all built-in scenarios and bugs, relative to the package. Every `.ts` file below scenarios/ is a
 * scenario, except for those in `bugs/` and helpers: names that start with `_`, and folders that do or are `workloads`.
 * The order is that of lists: what lies deeper comes later.
 */
export function builtinEntries(): Pick<Entries, 'scenarios' | 'bugs'> {
  const files = readdirSync(join(packageRoot, 'scenarios'), { recursive: true })
    .map(name => String(name).replaceAll('\\', '/'))
    .filter(name => name.endsWith('.ts') && !name.endsWith('.d.ts'))
    .filter(name => !/(^|\/)(_|workloads\/)/.test(name))
    .sort((a, b) => depthOf(a) - depthOf(b) || (a < b ? -1 : 1))
  const isBug = (name: string) => name.startsWith('bugs/')
  return {
    scenarios: files.filter(name => !isBug(name)).map(name => `scenarios/${name}`),
    bugs: files.filter(isBug).map(name => `scenarios/${name}`),
  }
}

const depthOf = (path: string) => path.split('/').length

/** The present bundle of built-ins: the prebuilt one, or in a checkout one made from sources that changed. */
export async function builtinBundle(): Promise<Bundle> {
  const current = readCurrent()
  if (current === undefined || (isCheckout() && isStale(current))) return buildBuiltins()
  const dir = join(folder, current.hash)
  return { hash: current.hash, dir, manifest: readManifest(dir) }
}

/** The descriptions of all built-in scenarios and bugs. */
export const builtinManifest = async () => (await builtinBundle()).manifest

function readCurrent(): Current | undefined {
  if (!existsSync(currentFile)) return undefined
  const current = JSON.parse(readFileSync(currentFile, 'utf8')) as Current
  return existsSync(join(folder, current.hash, 'bundle.json')) ? current : undefined
}

/** The published package has no tsconfig.json: nobody edits its sources. */
const isCheckout = () => existsSync(join(packageRoot, 'tsconfig.json'))

function isStale({ inputs, scenarios, bugs }: Current): boolean {
  const now = builtinEntries()
  if (now.scenarios.join() !== scenarios.join() || now.bugs.join() !== bugs.join()) return true
  return inputs.some(({ path, size, mtimeMs, sha256 }) => {
    const stat = statSync(join(packageRoot, path), { throwIfNoEntry: false })
    if (stat === undefined || stat.size !== size) return true
    return stat.mtimeMs !== mtimeMs && sha256OfFile(join(packageRoot, path)) !== sha256
  })
}

const sha256OfFile = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex')

/** The hash is that of what was compiled: a file that was edited meanwhile differs from it at once. */
function stamp(made: string, source: string): Stamp {
  const path = source.slice('src/torture/'.length)
  const { size, mtimeMs } = statSync(join(packageRoot, path))
  const sha256 = sha256OfFile(join(made, source))
  return { path, size, mtimeMs: sha256OfFile(join(packageRoot, path)) === sha256 ? mtimeMs : 0, sha256 }
}

/** Makes the bundle of built-ins from the sources and makes it the present one. Several may do so at the same time. */
export async function buildBuiltins(): Promise<Bundle> {
  const { withNewBundle } = await import('./make.ts')
  const entries = builtinEntries()
  return withNewBundle({ ...entries, user: [] }, ({ hash, dir: made, manifest }) => {
    const dir = join(folder, hash)
    if (!existsSync(dir)) {
      mkdirSync(folder, { recursive: true })
      const draft = mkdtempSync(join(folder, '.draft-'))
      cpSync(made, join(draft, hash), { recursive: true })
      if (!existsSync(dir)) renameSync(join(draft, hash), dir)
      rmSync(draft, { recursive: true, force: true })
    }
    const inputs = manifest.inputs.map(source => stamp(made, source))
    replaceJson(currentFile, { hash, inputs, ...entries } satisfies Current)
    return { hash, dir, manifest }
  })
}
