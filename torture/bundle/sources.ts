/** A bundle keeps its sources in `src/`; stacks lead there. This finds the files that they were copied from. */
import { join } from 'node:path'
import { packageRoot } from '../paths.ts'

/** What `src/user/` was on disk when the bundle was made. */
export interface SourceRoots {
  readonly userRoot: string
}

/** `src/user/ring.ts` → the user's file. */
export function onDisk(source: string, { userRoot }: SourceRoots): string {
  if (source.startsWith('src/torture/')) return join(packageRoot, source.slice('src/torture/'.length))
  return join(userRoot, source.slice('src/user/'.length).replaceAll('_up/', '../'))
}
