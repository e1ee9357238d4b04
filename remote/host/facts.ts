/** What a host says of itself. */
import { statfsSync } from 'node:fs'
import { availableParallelism, hostname } from 'node:os'
import { type DirectoryState, existingParent, inspectDirectory } from './directory.ts'

export interface OwnFacts {
  readonly hostname: string
  readonly platform: string
  readonly arch: string
  readonly node: string
  readonly nodePath: string
  readonly cpus: number
  readonly freeBytes: number
  readonly directory: string
  readonly state: DirectoryState
}

/** @throws Trouble where the directory cannot be ours */
export function ownFacts(directory: string): OwnFacts {
  return {
    hostname: hostname(),
    platform: process.platform,
    arch: process.arch,
    node: process.versions.node,
    nodePath: process.execPath,
    cpus: availableParallelism(),
    state: inspectDirectory(directory),
    freeBytes: freeBytes(directory),
    directory,
  }
}

/** What an ordinary user may still write in the file system of a directory, which need not exist yet. */
export function freeBytes(directory: string): number {
  const { bavail, bsize } = statfsSync(existingParent(directory))
  return bavail * bsize
}
