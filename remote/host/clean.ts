/** Removes from a host what old runs left: below our directory, and nothing that somebody may be using. */
import { existsSync, lstatSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { runnerState } from '../../results/process.ts'
import { inspectDirectory } from './directory.ts'
import { AGENT_FILE, BUNDLES, NODES, RUNS } from './layout.ts'
import { trying } from './problem.ts'

export interface CleanRequest {
  /** What was touched since stays. */
  readonly olderThanMs: number
  /** Only says what would be removed. */
  readonly dryRun: boolean
}

export interface Cleaned {
  /** Paths below the directory. */
  readonly removed: readonly { readonly path: string; readonly bytes: number }[]
  readonly kept: number
  /** What is old and stays, with the reason. */
  readonly spared: readonly string[]
}

const DRAFT = '.removing-'
/** A bundle arrives, and an agent starts, a moment before anything says what they are for. */
const STARTING_MS = 60_000

/** @throws Trouble where the directory is not ours */
export function clean(directory: string, { olderThanMs, dryRun }: CleanRequest): Cleaned {
  if (inspectDirectory(directory) !== 'ours') return { removed: [], kept: 0, spared: [] }
  const now = Date.now()
  const before = now - olderThanMs
  const unused = now - Math.max(olderThanMs, STARTING_MS)
  const removed: { path: string; bytes: number }[] = []
  const spared: string[] = []
  let kept = 0
  const take = (path: string) => {
    removed.push({ path, bytes: sizeOf(join(directory, path)) })
    if (!dryRun) remove(directory, path)
  }
  const used = new Set<string>()
  for (const path of listed(directory, RUNS)) {
    const old = newest(join(directory, path)) < before
    const alive = mayBeAlive(join(directory, path))
    if (old && !alive) take(path)
    else {
      kept++
      if (old) spared.push(`${path}: its agent is running, or may be`)
      for (const name of usedBy(join(directory, path))) used.add(name)
    }
  }
  for (const path of [...listed(directory, BUNDLES), ...listed(directory, NODES)]) {
    const name = path.slice(path.indexOf('/') + 1)
    if (lstatSync(join(directory, path)).mtimeMs < unused && !used.has(name) && !isOwnNode(join(directory, path)))
      take(path)
    else kept++
  }
  // What an interrupted cleaning left.
  for (const name of readdirSync(directory).filter(name => name.startsWith(DRAFT))) {
    if (!dryRun) rmSync(join(directory, name), { recursive: true, force: true })
  }
  return { removed, kept, spared }
}

const listed = (directory: string, folder: string): string[] =>
  existsSync(join(directory, folder))
    ? trying(`read ${join(directory, folder)}`, () => readdirSync(join(directory, folder))).map(
        name => `${folder}/${name}`,
      )
    : []

/** The binary that does the cleaning. */
const isOwnNode = (path: string) => process.execPath.startsWith(`${path}/`)

/** Whether an agent may be at work: one of another machine that shares the directory cannot be asked. */
function mayBeAlive(run: string): boolean {
  const text = agentFile(run)
  if (text === undefined) return Date.now() - newest(run) < STARTING_MS
  try {
    return runnerState(JSON.parse(text)) !== 'dead'
  } catch {
    // Damaged, so nobody's: a live agent replaces its file whole.
    return false
  }
}

function agentFile(run: string): string | undefined {
  try {
    return readFileSync(join(run, AGENT_FILE), 'utf8')
  } catch {
    // There is none: the agent never started, or the file is not to be read.
    return undefined
  }
}

/** Bundles and Nodes that a run speaks of: its agent's file is searched as text, so a damaged one protects them, too. */
function usedBy(run: string): string[] {
  return agentFile(run)?.match(/[0-9a-f]{64}|v\d+[\w.-]+/g) ?? []
}

/** When something in a run's folder was last written: the folder itself, or what lies in it. */
function newest(run: string): number {
  const times = [run, ...readdirSync(run).map(name => join(run, name))].map(path => lstatSync(path).mtimeMs)
  return Math.max(...times)
}

function sizeOf(path: string): number {
  const stat = lstatSync(path)
  if (!stat.isDirectory()) return stat.size
  return readdirSync(path).reduce((bytes, name) => bytes + sizeOf(join(path, name)), stat.size)
}

/** Out of sight at once, then gone: killed in between, no half of a bundle is left under its name. */
function remove(directory: string, path: string): void {
  trying(`remove ${join(directory, path)}`, () => {
    if (statSync(join(directory, path), { throwIfNoEntry: false }) === undefined) return
    const grave = mkdtempSync(join(directory, DRAFT))
    renameSync(join(directory, path), join(grave, 'removed'))
    rmSync(grave, { recursive: true, force: true })
  })
}
