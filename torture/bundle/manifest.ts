/** `bundle.json`: what a bundle holds, described once by the describe child, so that a stored bundle needs it no more. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { InfrastructureError } from '../errors.ts'
import type { Bug, ParamSpecs, Scale, ThreadCount } from '../scenario.ts'
import type { ModuleName } from './groups.ts'

/** 2: the package's sources are packed, and its scenarios lie together by folder. All that is read of 1 is there, too. */
export const BUNDLE_SCHEMA = 2
const READABLE: readonly number[] = [1, BUNDLE_SCHEMA]

/** In the folder of a bundle. */
export const MANIFEST = 'bundle.json'

export interface ScenarioDescription {
  readonly name: string
  readonly summary: string
  readonly tags: readonly string[]
  readonly params: ParamSpecs
  /** Thread bodies in the order of declaration, with the counts they ask for. */
  readonly threads: readonly { readonly name: string; readonly count: ThreadCount }[]
  readonly roundMs?: number
  readonly scale?: Scale
  readonly module: ModuleName
  /** The file as it was, relative to the bundle: `src/torture/scenarios/mm/vma-lock.ts`. */
  readonly source: string
  readonly builtin: boolean
}

export type BugDescription = Omit<Bug, 'oracle'> & { readonly oracle: readonly string[] }

export interface Manifest {
  readonly schema: number
  /** Version of the package that made it. */
  readonly torture: string
  readonly scenarios: readonly ScenarioDescription[]
  readonly bugs: readonly BugDescription[]
  /** The sources it was made from, by their paths in `src/`; see `keptIn`. */
  readonly inputs: readonly string[]
}

/** A bundle on disk. */
export interface Bundle {
  /** sha256 over its files. */
  readonly hash: string
  /** Absolute path of its folder. */
  readonly dir: string
  /** Nobody else needs the folder: it can be moved away. */
  readonly temporary?: true
  readonly manifest: Manifest
}

/** A bundle in memory: where it lies on disk, somebody may be replacing it. */
export interface LoadedBundle {
  readonly manifest: Manifest
  readonly files: ReadonlyMap<string, Uint8Array>
}

export function readManifest(dir: string): Manifest {
  const path = join(dir, MANIFEST)
  let manifest: Manifest
  try {
    manifest = JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new InfrastructureError(`${path} cannot be read: ${(error as Error).message}`)
  }
  if (!READABLE.includes(manifest.schema)) {
    throw new InfrastructureError(`${path} has schema ${manifest.schema}; this version reads ${READABLE.join(' and ')}`)
  }
  return manifest
}
