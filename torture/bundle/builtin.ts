/**
 * The bundle of the built-in scenarios, made by the build and kept in dist/bundle/. In a checkout a source that was
 * edited since makes it anew on the next run, so that edits take effect without a build step.
 */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { replaceJson, StoreError } from '../../results/files.ts'
import { packageRoot } from '../paths.ts'
import type { Entries } from './compile.ts'
import { keptIn } from './kept.ts'
import { type Bundle, type LoadedBundle, MANIFEST, type Manifest, readManifest } from './manifest.ts'
import { readBundle, storeBundle } from './store.ts'

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
  const hash = presentHash()
  if (hash === undefined) return buildBuiltins()
  const dir = join(folder, hash)
  return { hash, dir, manifest: readManifest(dir) }
}

/** Undefined where it has to be made. */
function presentHash(): string | undefined {
  const current = readCurrent()
  return current === undefined || (isCheckout() && isStale(current)) ? undefined : current.hash
}

/**
 * Does something with the present bundle of built-ins. One that is damaged is made anew; where the package's folder is
 * closed to us the new one is used and not kept.
 */
export async function withBuiltins<T>(use: (builtins: LoadedBundle) => Promise<T>): Promise<T> {
  const hash = presentHash()
  const files = hash === undefined ? undefined : readBundle({ hash, dir: join(folder, hash) })
  return use(files === undefined ? await newBuiltins() : contentsOf(files))
}

const newBuiltins = (): Promise<LoadedBundle> =>
  withNewBuiltins(made => {
    const files = readBundle(made)!
    try {
      keepBuiltins(made)
    } catch (error) {
      // The folder of the package cannot be written to: the next run makes it again.
      if (!(error instanceof StoreError) && typeof (error as NodeJS.ErrnoException).code !== 'string') throw error
    }
    return contentsOf(files)
  })

const contentsOf = (files: ReadonlyMap<string, Uint8Array>): LoadedBundle => ({
  manifest: JSON.parse(Buffer.from(files.get(MANIFEST)!).toString()) as Manifest,
  files,
})

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
  return inputs.some(({ path, size, mtimeMs, sha256: made }) => {
    const stat = statSync(join(packageRoot, path), { throwIfNoEntry: false })
    if (stat === undefined || stat.size !== size) return true
    return stat.mtimeMs !== mtimeMs && sha256OfFile(join(packageRoot, path)) !== made
  })
}

const sha256 = (contents: Uint8Array) => createHash('sha256').update(contents).digest('hex')
const sha256OfFile = (file: string) => sha256(readFileSync(file))

/** The hash is that of what was compiled: a file that was edited meanwhile differs from it at once. */
function stamp(compiled: Buffer, source: string): Stamp {
  const path = source.slice('src/torture/'.length)
  const { size, mtimeMs } = statSync(join(packageRoot, path))
  const made = sha256(compiled)
  return { path, size, mtimeMs: sha256OfFile(join(packageRoot, path)) === made ? mtimeMs : 0, sha256: made }
}

/** Makes the bundle of built-ins from the sources and makes it the present one. Several may do so at the same time. */
export const buildBuiltins = (): Promise<Bundle> => withNewBuiltins(keepBuiltins)

async function withNewBuiltins<T>(use: (made: Bundle) => T | Promise<T>): Promise<T> {
  const { withNewBundle } = await import('./make.ts')
  return withNewBundle({ ...builtinEntries(), user: [] }, use)
}

function keepBuiltins(made: Bundle): Bundle {
  const { hash, manifest } = made
  const compiled = keptIn(made.dir)
  const inputs = manifest.inputs.map(source => stamp(compiled(source)!, source))
  const kept = storeBundle(made, folder)
  replaceJson(currentFile, { hash, inputs, ...builtinEntries() } satisfies Current)
  removeOthers(hash)
  return kept
}

/** How long somebody may take to copy a bundle that is the present one no more, ms. */
const GRACE_MS = 60_000

function removeOthers(hash: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (!entry.isDirectory() || entry.name === hash) continue
    const stat = statSync(path, { throwIfNoEntry: false })
    if (stat !== undefined && Date.now() - stat.mtimeMs > GRACE_MS) rmSync(path, { recursive: true, force: true })
  }
}
