/** Finds a failure by what a failing run printed of it. */
import { existsSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve, sep } from 'node:path'
import { StoreError } from './files.ts'
import { FAILURE_ID, RUN_ID } from './names.ts'
import { openRun, readFailure, type StoredRun } from './reader.ts'
import type { Failure, PlannedInstance } from './schema.ts'

export interface StoredFailure {
  readonly run: StoredRun
  readonly failure: Failure
  /** The folder below the run's: for the bridge of a stress instance not the `id` that its guest gave it. */
  readonly id: string
  readonly instance: PlannedInstance
}

/**
 * Opens a failure.
 * @param root  the results folder
 * @param which `RUN/x.1/failures/1`, where RUN may be `last` or be left out, or a path to the failure's folder or file
 * @throws StoreError `missing` (with what there is), `damaged`, or `id` where it names no failure
 */
export function openFailure(root: string, which: string): StoredFailure {
  const path = which.replace(/[\\/]+$/, '')
  const folder = basename(path) === 'failure.json' ? dirname(path) : path
  const { run, id } = existsSync(join(folder, 'failure.json')) ? byPath(folder) : byName(root, folder)
  const instance = run.plan.instances.find(({ name }) => id.startsWith(`${name}/`))
  if (instance === undefined || !existsSync(join(run.dir, id))) throw noSuchFailure(run, id)
  return { run, failure: readFailure(run.dir, id), id, instance }
}

/** Upwards to the run that the folder lies in. */
function byPath(folder: string): { run: StoredRun; id: string } {
  const absolute = resolve(folder)
  for (let dir = dirname(absolute); dir !== dirname(dir); dir = dirname(dir)) {
    if (!statSync(join(dir, 'plan.json'), { throwIfNoEntry: false })?.isFile()) continue
    const id = absolute
      .slice(dir.length + 1)
      .split(sep)
      .join('/')
    if (!FAILURE_ID.test(id)) break
    return { run: openRun(dirname(dir), dir), id }
  }
  throw new StoreError('id', `${folder} lies in no run's folder: its plan is needed to replay it`)
}

function byName(root: string, which: string): { run: StoredRun; id: string } {
  const [first, ...rest] = which.split('/')
  const named = RUN_ID.test(first) || first === 'last'
  const id = named ? rest.join('/') : which
  const run = openRun(root, named ? first : 'last')
  if (FAILURE_ID.test(id)) return { run, id }
  const what = which === '' ? 'say which failure' : `'${which}' is no failure: say which one`
  throw new StoreError('id', `${what}, as in torture replay x.1/failures/1; ${listed(run)}`)
}

const MOST_LISTED = 3

function listed({ id, results }: StoredRun): string {
  const ids = [...results.values()].flatMap(({ failures, bridge }) => [
    ...(bridge?.replay === undefined ? [] : [bridge.replay]),
    ...failures.map(failure => failure.id),
  ])
  if (ids.length === 0) return `the run ${id} has no failures`
  return `the run ${id} has ${ids.slice(0, MOST_LISTED).join(', ')}${ids.length > MOST_LISTED ? ', …' : ''}`
}

const noSuchFailure = (run: StoredRun, id: string) =>
  new StoreError('missing', `there is no failure ${id} in the run ${run.id}: ${listed(run)}`)
