/** Bundles on disk: a folder whose name is the hash of what is in it. */
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { hashFiles, hashFolder, listFiles } from '../../results/bundle-text.ts'
import { guarded } from '../../results/files.ts'
import { bundlesFolder } from '../../results/store.ts'
import { UsageError } from '../errors.ts'
import { type Bundle, readManifest } from './manifest.ts'

/**
 * All files of a bundle, by path.
 * @returns undefined where they are not what its name says
 */
export function readBundle({ dir, hash }: Pick<Bundle, 'dir' | 'hash'>): Map<string, Uint8Array> | undefined {
  try {
    const files = new Map(listFiles(dir).map(path => [path, readFileSync(join(dir, path))]))
    return hashFiles(files) === hash ? files : undefined
  } catch (error) {
    // Somebody removes it at this moment, or a part of it is gone or closed to us: it is not whole.
    if (typeof (error as NodeJS.ErrnoException).code === 'string') return undefined
    throw error
  }
}

export function writeFiles(dir: string, files: ReadonlyMap<string, Uint8Array>): void {
  for (const folder of new Set([...files.keys()].map(path => dirname(join(dir, path)))))
    mkdirSync(folder, { recursive: true })
  for (const [path, contents] of files) writeFileSync(join(dir, path), contents)
}

/** As `mkdir -p`, one by one: Node's own never returns in folders such as /proc, where nothing can be made. */
function makeFolder(path: string): void {
  if (existsSync(path)) return
  makeFolder(dirname(path))
  try {
    mkdirSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

/**
 * Puts a bundle into a results folder, once: the folder appears whole. One that is there and damaged is replaced.
 * @returns the bundle as it lies there
 */
export function keepBundle(bundle: Bundle, results: string): Bundle {
  const parent = bundlesFolder(results)
  return guarded(`store the bundle in ${parent}`, () => storeBundle(bundle, parent))
}

/** The same in any folder. Throws what the file system throws. */
export function storeBundle(bundle: Bundle, parent: string): Bundle {
  const dir = join(parent, bundle.hash)
  const kept = { hash: bundle.hash, dir, manifest: bundle.manifest }
  if (existsSync(dir) && hashFolder(dir) === bundle.hash) {
    // Whoever clears up spares what was stored a moment ago: the run that needs it does not exist yet.
    utimesSync(dir, new Date(), new Date())
    return kept
  }
  makeFolder(parent)
  const draft = mkdtempSync(join(parent, '.draft-'))
  try {
    const whole = join(draft, bundle.hash)
    take(bundle, whole)
    rmSync(dir, { recursive: true, force: true })
    renameSync(whole, dir)
  } catch (error) {
    // Somebody who started in the same moment may have been first; what counts is that it is there and whole.
    if (!existsSync(dir) || hashFolder(dir) !== bundle.hash) throw error
  } finally {
    rmSync(draft, { recursive: true, force: true })
  }
  return kept
}

/** Copying its files takes longer than making them did. */
function take({ dir, temporary }: Bundle, to: string): void {
  if (temporary) {
    try {
      renameSync(dir, to)
      return
    } catch (error) {
      // Temporary files are often on another file system.
      if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error
    }
  }
  cpSync(dir, to, { recursive: true })
}

/** @throws UsageError where a results folder does not hold the bundle, or holds another under its name */
export function openBundle(results: string, hash: string): Bundle {
  const dir = join(bundlesFolder(results), hash)
  const advice = 'it cannot be re-run as it was; start a new run with torture run'
  if (!existsSync(dir)) throw new UsageError(`the run's bundle ${dir} is missing: ${advice}`)
  if (hashFolder(dir) !== hash) throw new UsageError(`the run's bundle ${dir} was changed since: ${advice}`)
  return { hash, dir, manifest: readManifest(dir) }
}
