/** A bundle keeps its sources in `src/`; stacks lead there. This finds the files that they were copied from. */
import { join } from 'node:path'
import type { PlannedInstance } from '../../results/schema.ts'
import { packageRoot } from '../paths.ts'
import type { Manifest } from './manifest.ts'

/** What `src/user/` was on disk when the bundle was made. */
export interface SourceRoots {
  readonly userRoot: string
}

/** `src/user/ring.ts` → the user's file. */
export function onDisk(source: string, { userRoot }: SourceRoots): string {
  if (source.startsWith('src/torture/')) return join(packageRoot, source.slice('src/torture/'.length))
  return join(userRoot, source.slice('src/user/'.length).replaceAll('_up/', '../'))
}

/**
 * What `onDisk` needs, from an instance of the bundle: its scenario's file, less the path that the bundle gave it.
 * Undefined for the user's sources beside a built-in scenario: where they were is not recorded.
 */
export function rootsOf({ module, file }: PlannedInstance, { scenarios }: Manifest): SourceRoots | undefined {
  const source = scenarios.find(scenario => scenario.module === module)?.source
  if (file === undefined || !source?.startsWith('src/user/')) return undefined
  const path = source.slice('src/user'.length)
  return file.replaceAll('\\', '/').endsWith(path) ? { userRoot: file.slice(0, -path.length) } : undefined
}
