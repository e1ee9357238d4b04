/**
 * The run store, written: see docs/results.md for the tree. Every file is replaced whole, so that a run can be killed
 * at any moment and still be read; what is read back comes from `reader.ts`.
 */
import { existsSync, mkdirSync, readdirSync, renameSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { appendLine, guarded, removeFolder, replaceJson, StoreError, storeError } from './files.ts'
import { byTime, RUN_ID, runName } from './names.ts'
import { thisRunner } from './process.ts'
import {
  type GuestCommand,
  type InstanceResult,
  type Plan,
  type RunEvent,
  type RunInstance,
  type RunSummary,
  SCHEMA,
} from './schema.ts'

export { StoreError, type StoreErrorKind } from './files.ts'

/** Where runs are stored unless `--results DIR` says otherwise. */
export const DEFAULT_ROOT = 'torture-results'

/** A folder that is being filled and is not yet a run; `torture clean` removes what a kill left. */
export const DRAFT = '.draft-'

/** Runs that may start in the same second in one folder. */
const MOST_AT_ONCE = 1000

export const bundlesFolder = (root: string): string => join(root, 'bundles')
export const instanceFolder = (runDir: string, name: string): string => join(runDir, name)

export interface Run {
  readonly id: string
  /** Absolute path of the run's folder. */
  readonly dir: string
  readonly root: string
  readonly plan: Plan
  /** What `run.json` holds so far. */
  readonly summary: RunSummary
}

/**
 * Creates a run: its folder appears whole, with `plan.json` and a first `run.json` that names the runner, so that no
 * moment exists at which a run has no plan or a live run looks dead.
 *
 * @param root the results folder, made if need be
 * @param draft the plan; its id is the name that the folder gets, from `createdAt`
 * @param fill writes what else is to be in the folder from the beginning
 * @throws StoreError where the folder cannot be written
 */
export function createRun(
  root: string,
  draft: Omit<Plan, 'id' | 'schema'>,
  fill: (folder: string) => void = () => {},
): Run {
  const absolute = resolve(root)
  return guarded(`create a run in ${absolute}`, () => {
    mkdirSync(absolute, { recursive: true })
    const folder = join(absolute, `${DRAFT}${process.pid}-${process.hrtime.bigint()}`)
    mkdirSync(folder)
    try {
      fill(folder)
      return publish(absolute, folder, draft)
    } catch (error) {
      removeFolder(folder)
      throw error
    }
  })
}

/** Gives the filled folder its name. A rename onto a run fails, because a run is never empty: that makes it exclusive. */
function publish(root: string, folder: string, draft: Omit<Plan, 'id' | 'schema'>): Run {
  const base = runName(new Date(draft.createdAt))
  for (let n = 1; n <= MOST_AT_ONCE; n++) {
    const id = n === 1 ? base : `${base}-${n}`
    const dir = join(root, id)
    if (existsSync(dir)) continue
    const plan: Plan = { schema: SCHEMA, id, ...draft }
    const summary = firstSummary(plan)
    replaceJson(join(folder, 'plan.json'), plan)
    writeSummary(folder, summary)
    try {
      renameSync(folder, dir)
    } catch (error) {
      if (!isTaken(error)) throw storeError(error, `create ${dir}`)
      continue
    }
    appendEvent(dir, { type: 'planned', schema: SCHEMA, instances: plan.instances.length })
    return { id, dir, root, plan, summary }
  }
  throw new StoreError('io', `more than ${MOST_AT_ONCE} runs were started in one second: choose --results DIR`)
}

function isTaken(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code
  return (
    code === 'ENOTEMPTY' ||
    code === 'EEXIST' ||
    code === 'ENOTDIR' ||
    (code === 'EPERM' && process.platform === 'win32')
  )
}

/** The summary of a run of which nothing has ended yet, in the name of this process. */
export function firstSummary(plan: Plan): RunSummary {
  const { id, argv, seed, bundle } = plan
  const startedAt = new Date().toISOString()
  return { schema: SCHEMA, id, argv, seed, bundle, startedAt, runner: thisRunner(), instances: [] }
}

/** Replaces `run.json`. */
export function writeSummary(runDir: string, summary: RunSummary): void {
  replaceJson(join(runDir, 'run.json'), summary)
}

/** What `run.json` keeps of an instance's result. */
export function toRunInstance(result: InstanceResult): RunInstance {
  const { name, scenario, host, verdict, reason, seed, durationMs, rounds, counters, rates, failures } = result
  const { outcomes, exploration, bridge } = result
  return {
    name,
    scenario,
    host,
    verdict,
    ...(reason !== undefined && { reason }),
    seed,
    durationMs,
    rounds,
    counters,
    rates,
    ...(outcomes !== undefined && { outcomes }),
    ...(exploration !== undefined && { exploration }),
    ...(bridge !== undefined && { bridge }),
    failures,
  }
}

/** Appends to `events.jsonl`; the time is added here. */
export function appendEvent(runDir: string, event: Omit<RunEvent, 'at'> & { readonly type: string }): void {
  appendLine(join(runDir, 'events.jsonl'), { at: new Date().toISOString(), ...event })
}

/** Makes an instance's folder, empty: what an attempt that was cut off left there is removed. Returns its path. */
export function prepareInstance(runDir: string, name: string): string {
  const folder = instanceFolder(runDir, name)
  return guarded(`create ${folder}`, () => {
    removeFolder(folder)
    mkdirSync(folder, { recursive: true })
    return folder
  })
}

export function writeCommand(instanceDir: string, command: GuestCommand): void {
  replaceJson(join(instanceDir, 'command.json'), command)
}

export function writeVerdict(instanceDir: string, result: InstanceResult): void {
  replaceJson(join(instanceDir, 'verdict.json'), result)
}

/** Names of the runs in a results folder, the oldest first. Nothing in them has been looked at. */
export function runIds(root: string): string[] {
  const found = guarded(`read ${root}`, () => {
    try {
      return readdirSync(root, { withFileTypes: true })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
      throw error
    }
  })
  return found
    .filter(entry => entry.isDirectory() && RUN_ID.test(entry.name))
    .map(entry => entry.name)
    .sort(byTime)
}
