/**
 * The run store, read. Nothing in a file is trusted: its size is bounded, its schema number and every field are
 * checked, and what is damaged is named and skipped. A run that was killed at any moment can be read; an instance
 * without a verdict was never finished.
 */
import { existsSync, statSync } from 'node:fs'
import { hostname } from 'node:os'
import { basename, dirname, join, resolve, sep } from 'node:path'
import * as v from 'valibot'
import { readBounded, StoreError } from './files.ts'
import { RUN_ID } from './names.ts'
import { runnerState } from './process.ts'
import {
  type Failure,
  type InstanceResult,
  type Interleaving,
  type Plan,
  type RunSummary,
  SCHEMA,
  type Trace,
} from './schema.ts'
import { instanceFolder, runIds } from './store.ts'
import * as validate from './validate.ts'

const MIB = 1 << 20
const LIMITS = { plan: 64 * MIB, summary: 64 * MIB, verdict: 16 * MIB, failure: 16 * MIB, interleaving: 256 * MIB }

export interface StoredRun {
  readonly id: string
  /** Absolute path of the run's folder, and of the results folder that holds it. */
  readonly dir: string
  readonly root: string
  readonly plan: Plan
  /** What `run.json` says, or what the plan and the verdicts say where it is damaged or missing. */
  readonly summary: RunSummary
  /** The verdicts that are there and whole, by the instance's name. */
  readonly results: ReadonlyMap<string, InstanceResult>
  /** Names of the planned instances without a verdict, in the order of the plan. */
  readonly unfinished: readonly string[]
  /** `alive`: the runner is at work. `elsewhere`: it is not final and was started on another machine. */
  readonly state: 'final' | 'alive' | 'dead' | 'elsewhere'
  /** What was damaged and skipped, a line each. */
  readonly problems: readonly string[]
}

/**
 * Reads one file against its schema; undefined where there is none.
 * @throws StoreError kind `damaged`: the file's name, and what is wrong with it
 */
function readStored<S extends v.GenericSchema>(path: string, schema: S, limit: number): v.InferOutput<S> | undefined {
  const text = readBounded(path, limit)
  return text === undefined ? undefined : parseStored(path, text, schema)
}

/** Checks the text of a stored file. @throws StoreError kind `damaged` */
export function parseStored<S extends v.GenericSchema>(name: string, text: string, schema: S): v.InferOutput<S> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new StoreError('damaged', `${name} is damaged: not JSON`, { cause: error })
  }
  const version = (value as { schema?: unknown } | null)?.schema
  if (typeof version === 'number' && version !== SCHEMA) {
    throw new StoreError('damaged', `${name} has schema ${version}, and this version of torture reads ${SCHEMA} only`)
  }
  const checked = v.safeParse(schema, value)
  if (checked.success) return checked.output
  const issue = checked.issues[0]
  throw new StoreError('damaged', `${name} is damaged: ${v.getDotPath(issue) ?? 'the file'}: ${issue.message}`)
}

/** The guest's end record of an instance, or what is wrong with it. */
export function readVerdict(instanceDir: string): { result?: InstanceResult; problem?: string } {
  try {
    const result = readStored(join(instanceDir, 'verdict.json'), validate.instanceResult, LIMITS.verdict)
    return result === undefined ? {} : { result }
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    return { problem: error.message }
  }
}

/**
 * The failure of an id, which is also its folder below the run's: `vma-lock.1/failures/1`.
 * @throws StoreError kind `missing` or `damaged`
 */
export function readFailure(runDir: string, id: string): Failure {
  const path = join(runDir, id, 'failure.json')
  const failure = readStored(path, validate.failure, LIMITS.failure)
  if (failure === undefined) throw new StoreError('missing', `there is no failure at ${join(runDir, id)}`)
  return failure
}

/** Every step of a failing execution; undefined for a failure under stress. @throws StoreError kind `damaged` */
export function readInterleaving(runDir: string, id: string): Interleaving | undefined {
  return readStored(join(runDir, id, 'interleaving.json'), validate.interleaving, LIMITS.interleaving)
}

/** The flight recorders of a failure under stress. @throws StoreError kind `damaged` */
export function readTrace(runDir: string, id: string): Trace | undefined {
  return readStored(join(runDir, id, 'trace.json'), validate.trace, LIMITS.interleaving)
}

/** The interleavings of failures that have a schedule, by id. One that is damaged is done without. */
export function interleavingsOf(
  runDir: string,
  failures: Iterable<Pick<Failure, 'id' | 'schedule'>>,
): Map<string, Interleaving> {
  const found = new Map<string, Interleaving>()
  for (const { id, schedule } of failures) {
    if (schedule === undefined) continue
    try {
      const interleaving = readInterleaving(runDir, id)
      if (interleaving !== undefined) found.set(id, interleaving)
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
    }
  }
  return found
}

/**
 * Opens a run.
 * @param which `last`: the newest one that can be read; an id; or the path of a run's folder
 * @throws StoreError `missing` (with the nearest ids), `damaged` (its plan cannot be read) or `id` (leads elsewhere)
 */
export function openRun(root: string, which: string): StoredRun {
  if (which === 'last') return openLast(root)
  if (RUN_ID.test(which)) {
    if (!existsSync(join(root, which))) throw noSuchRun(root, which)
    return openFolder(join(resolve(root), which))
  }
  if (!looksLikePath(which)) throw noSuchRun(root, which)
  if (!statSync(which, { throwIfNoEntry: false })?.isDirectory()) {
    throw new StoreError('missing', `there is no run at ${which}: ${known(root, basename(which))}`)
  }
  return openFolder(resolve(which))
}

const looksLikePath = (which: string) =>
  which.includes('/') || which.includes(sep) || existsSync(join(which, 'plan.json'))

function openLast(root: string): StoredRun {
  const problems: string[] = []
  for (const id of runIds(root).reverse()) {
    try {
      const run = openFolder(join(resolve(root), id))
      return { ...run, problems: [...problems, ...run.problems] }
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      problems.push(`skipped: ${error.message}`)
    }
  }
  const damaged = problems.length > 0 ? ` that can be read (${problems.length} damaged)` : ''
  throw new StoreError(
    'missing',
    `there is no run${damaged} in ${root}: start one with "torture run --scenario vma-lock"`,
  )
}

/** All runs of a results folder, the oldest first; those that cannot be read are named in `problems`. */
export function listRuns(root: string): { readonly runs: readonly StoredRun[]; readonly problems: readonly string[] } {
  const runs: StoredRun[] = []
  const problems: string[] = []
  for (const id of runIds(root)) {
    try {
      runs.push(openFolder(join(resolve(root), id)))
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      problems.push(error.message)
    }
  }
  return { runs, problems: [...problems, ...runs.flatMap(run => run.problems)] }
}

function openFolder(dir: string): StoredRun {
  const plan = readStored(join(dir, 'plan.json'), validate.plan, LIMITS.plan)
  if (plan === undefined) throw new StoreError('damaged', `${dir} is not a run: it has no plan.json`)
  const problems: string[] = []
  const results = new Map<string, InstanceResult>()
  for (const { name, scenario, seed } of plan.instances) {
    const { result, problem } = readVerdict(instanceFolder(dir, name))
    if (problem !== undefined) problems.push(`skipped: ${problem}`)
    else if (result === undefined) continue
    else if (result.name === name && result.scenario === scenario && result.seed === seed) results.set(name, result)
    else problems.push(`skipped: ${join(dir, name, 'verdict.json')} belongs to another instance (${result.name})`)
  }
  const summary = readSummary(dir, plan, problems)
  return {
    id: plan.id,
    dir,
    root: dirname(dir),
    plan,
    summary,
    results,
    unfinished: plan.instances.map(instance => instance.name).filter(name => !results.has(name)),
    state: summary.finishedAt !== undefined ? 'final' : runnerState(summary.runner),
    problems,
  }
}

/** A run whose summary is damaged is not given up: the plan and the verdicts hold everything but the runner. */
function readSummary(dir: string, plan: Plan, problems: string[]): RunSummary {
  try {
    const summary = readStored(join(dir, 'run.json'), validate.runSummary, LIMITS.summary)
    if (summary !== undefined) return summary
    problems.push(`${join(dir, 'run.json')} is missing: read from plan.json and the verdicts`)
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    problems.push(`skipped: ${error.message}`)
  }
  const { id, argv, seed, bundle, createdAt } = plan
  return { schema: SCHEMA, id, argv, seed, bundle, startedAt: createdAt, runner: NOBODY, instances: [] }
}

/** No process has this id and start: a run whose runner is not known is a dead one. */
const NOBODY = { pid: 0, host: hostname(), startTicks: 0 }

function noSuchRun(root: string, which: string): StoreError {
  return new StoreError('missing', `there is no run "${which}" in ${root}: ${known(root, which)}`)
}

/** Names the runs nearest to what was typed: those that share most of its beginning, then the newest. */
function known(root: string, which: string): string {
  const shared = (id: string) => {
    let n = 0
    while (n < id.length && id[n] === which[n]) n++
    return n
  }
  const nearest = runIds(root)
    .reverse()
    .sort((a, b) => shared(b) - shared(a))
    .slice(0, 3)
  if (nearest.length === 0) return 'it holds none yet; start one with "torture run --scenario vma-lock"'
  return `the nearest ${nearest.length === 1 ? 'is' : 'are'} ${nearest.join(', ')}`
}
