/** What a host says of itself. */
import { readFileSync, statfsSync } from 'node:fs'
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
  readonly mostProcesses?: number | undefined
}

/** @throws Trouble where the directory cannot be ours */
export function ownFacts(directory: string): OwnFacts {
  const mostProcesses = process.getuid?.() === 0 ? undefined : processLimit()
  return {
    ...(mostProcesses !== undefined && { mostProcesses }),
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

/** Processes and threads that the present user may have; undefined: as many as there is room for, or not Linux. */
function processLimit(): number | undefined {
  try {
    const [, limit] = /^Max processes +(\d+) /m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? []
    return limit === undefined ? undefined : Number(limit)
  } catch {
    // No /proc.
    return undefined
  }
}

/** What an ordinary user may still write in the file system of a directory, which need not exist yet. */
export function freeBytes(directory: string): number {
  const { bavail, bsize } = statfsSync(existingParent(directory))
  return bavail * bsize
}
