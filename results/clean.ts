/**
 * Removes what a run store no longer needs. Only what is known to be ours is touched: runs whose plan can be read,
 * bundles by the shape of their name and contents, and what a killed process left half made.
 */
import { existsSync, lstatSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { guarded, StoreError } from './files.ts'
import { openRun, type StoredRun } from './reader.ts'
import { bundlesFolder, DRAFT, runIds } from './store.ts'

export interface CleanOptions {
  /** How many of the newest runs stay. */
  readonly keep: number
  /** Only says what would be removed. */
  readonly dryRun: boolean
}

export interface Cleaned {
  readonly removed: readonly { readonly path: string; readonly bytes: number }[]
  readonly bytes: number
  /** How many runs are left. */
  readonly kept: number
  /** What is old enough and was not removed, a line each: name and reason. */
  readonly spared: readonly string[]
}

/** A draft that was not touched for so long has lost its maker. */
const ABANDONED_MS = 3_600_000
/** A bundle is stored a moment before the run that needs it exists. */
const JUST_STORED_MS = 1000

/** @throws StoreError where something cannot be removed */
export function clean(root: string, { keep, dryRun }: CleanOptions): Cleaned {
  const absolute = resolve(root)
  const removed: { path: string; bytes: number }[] = []
  const take = (path: string) => {
    removed.push({ path, bytes: sizeOf(path) })
    if (!dryRun) remove(path)
  }
  const ids = runIds(absolute)
  const spared: string[] = []
  const doomed = new Set<string>()
  for (const id of ids.slice(0, Math.max(0, ids.length - keep))) {
    const reason = whyNot(absolute, id)
    if (reason === undefined) doomed.add(id)
    else spared.push(`${id}: ${reason}`)
  }
  for (const id of doomed) take(join(absolute, id))
  // The folder is looked at again: somebody may have started a run meanwhile.
  const left = runIds(absolute).filter(id => !doomed.has(id))
  for (const path of unusedBundles(absolute, left)) take(path)
  for (const folder of [absolute, bundlesFolder(absolute)]) for (const path of abandonedDrafts(folder)) take(path)
  return { removed, bytes: removed.reduce((n, { bytes }) => n + bytes, 0), kept: left.length, spared }
}

/** Why an old run must not be removed. */
function whyNot(root: string, id: string): string | undefined {
  let run: StoredRun
  try {
    run = openRun(root, id)
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    return `it cannot be read, so it may not be ours; remove it by hand (${error.message})`
  }
  const { pid, host } = run.summary.runner
  if (run.state === 'alive') return `it is running (process ${pid})`
  if (run.state === 'elsewhere') return `it was started on ${host} and is not final; remove it there, or by hand`
  return undefined
}

/** Bundles of which no run that is left speaks. A plan is searched as text: a damaged one protects its bundle too. */
function unusedBundles(root: string, left: readonly string[]): string[] {
  const folder = bundlesFolder(root)
  const names = listed(folder).filter(name => /^[0-9a-f]{64}$/.test(name))
  if (names.length === 0) return []
  const plans = left.map(id => join(root, id, 'plan.json')).filter(path => existsSync(path))
  const used = new Set<string>()
  for (const path of plans) {
    const text = guarded(`read ${path}`, () => readFileSync(path, 'latin1'))
    for (const name of names) if (text.includes(name)) used.add(name)
  }
  return names
    .filter(name => !used.has(name))
    .map(name => join(folder, name))
    .filter(path => olderThan(path, JUST_STORED_MS) && existsSync(join(path, 'bundle.json')))
}

const abandonedDrafts = (folder: string) =>
  listed(folder)
    .filter(name => name.startsWith(DRAFT))
    .map(name => join(folder, name))
    .filter(path => olderThan(path, ABANDONED_MS))

const olderThan = (path: string, ms: number) => Date.now() - lstatSync(path).mtimeMs > ms

/** Names of the folders in a folder; none where there is no such folder. Links are not followed. */
function listed(folder: string): string[] {
  if (!existsSync(folder)) return []
  return guarded(`read ${folder}`, () => readdirSync(folder, { withFileTypes: true }))
    .filter(entry => entry.isDirectory())
    .map(entry => entry.name)
}

function sizeOf(path: string): number {
  const stat = lstatSync(path)
  if (!stat.isDirectory()) return stat.size
  return readdirSync(path).reduce((bytes, name) => bytes + sizeOf(join(path, name)), stat.size)
}

/** Out of sight at once, then gone: killed in between, no half of a run is left, only a draft. */
function remove(path: string): void {
  guarded(`remove ${path}`, () => {
    const grave = mkdtempSync(join(path, '..', DRAFT))
    renameSync(path, join(grave, 'removed'))
    rmSync(grave, { recursive: true, force: true })
  })
}
