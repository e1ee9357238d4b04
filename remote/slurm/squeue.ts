/** What `squeue --json` says, in all its dialects: from Slurm 21.08 to the present. */
import * as v from 'valibot'
import type { TaskReport, TaskState } from '../carrier.ts'
import { EXIT_NO_FOLDER, EXIT_NO_NODE } from './script.ts'

/** Numbers may be unset: `null`, or `{ set: false }`. */
const number = v.union([
  v.number(),
  v.null(),
  v.object({ set: v.boolean(), number: v.number(), infinite: v.optional(v.boolean()) }),
])

/** Of a process: a wait status, or taken apart. */
const exit = v.union([
  v.number(),
  v.object({
    return_code: v.optional(number),
    signal: v.optional(v.object({ id: v.optional(number), signal_id: v.optional(number) })),
  }),
])

const job = v.object({
  job_id: v.number(),
  array_job_id: number,
  array_task_id: number,
  /** Of those that wait: `4-30:2%3`. */
  array_task_string: v.optional(v.nullable(v.string())),
  job_state: v.union([v.string(), v.array(v.string())]),
  state_reason: v.optional(v.string(), 'None'),
  /** More than the reason, now and then: that the nodes it needs are down. */
  state_description: v.optional(v.nullable(v.string())),
  name: v.optional(v.string(), ''),
  nodes: v.optional(v.nullable(v.string())),
  exit_code: v.optional(exit, 0),
})

const answer = v.object({ jobs: v.array(v.unknown()) })

type Job = v.InferOutput<typeof job>

/** A job of an array, or some of them together while they wait. */
export interface Listed {
  readonly array: string
  readonly name: string
  readonly indexes: readonly number[] | 'unknown'
  readonly state: TaskState
}

/**
 * @param text what it printed: all jobs of all users, in versions before 23.02
 * @returns the jobs that are parts of arrays; whatever else is listed is left out
 * @throws where it is not that
 */
export function parseQueue(text: string): Listed[] {
  const { jobs } = v.parse(answer, JSON.parse(text))
  return jobs.flatMap(one => {
    const checked = v.safeParse(job, one)
    if (!checked.success) return []
    const array = plain(checked.output.array_job_id)
    if (!array) return []
    return [
      {
        array: String(array),
        name: checked.output.name,
        indexes: indexesOf(checked.output),
        state: stateOf(checked.output),
      },
    ]
  })
}

/** @param tasks how many each of our arrays has */
export function reportsOf(listed: readonly Listed[], tasks: ReadonlyMap<string, number>): TaskReport[] {
  const reports = new Map<string, TaskReport>()
  const report = (array: string, index: number, state: TaskState) =>
    reports.set(`${array}_${index}`, { ...state, array, index })
  const ours = listed.filter(({ array }) => tasks.has(array))
  for (const { array, indexes, state } of ours)
    if (indexes !== 'unknown') for (const index of indexes) report(array, index, state)
  // A list of those that wait may be cut short: they are whoever is not named otherwise.
  for (const { array, indexes, state } of ours) {
    if (indexes !== 'unknown') continue
    for (let index = 0; index < tasks.get(array)!; index++)
      if (!reports.has(`${array}_${index}`)) report(array, index, state)
  }
  return [...reports.values()]
}

const plain = (value: v.InferOutput<typeof number> | undefined): number | undefined => {
  if (typeof value !== 'object' || value === null) return value ?? undefined
  return value.set ? value.number : undefined
}

function indexesOf({ array_task_id, array_task_string }: Job): readonly number[] | 'unknown' {
  const own = plain(array_task_id)
  // Newer versions say 0 beside a list, too.
  if (own !== undefined && !array_task_string) return [own]
  return parseIndexes(array_task_string ?? '')
}

const MOST_INDEXES = 4_000_000

/** `0-3,7,10-30:5%2`; a list that ends with dots is cut short. */
export function parseIndexes(text: string): readonly number[] | 'unknown' {
  const indexes: number[] = []
  for (const part of text.replace(/%.*$/, '').split(',')) {
    const [, from, to = from, step = '1'] = /^(\d+)(?:-(\d+)(?::(\d+))?)?$/.exec(part.trim()) ?? []
    if (from === undefined || Number(to) > MOST_INDEXES || Number(step) < 1) return 'unknown'
    for (let n = Number(from); n <= Number(to); n += Number(step)) indexes.push(n)
  }
  return indexes
}

/** States that are not final although the task does nothing: it will run, or go on. */
const WAITING = [
  'PENDING',
  'REQUEUED',
  'REQUEUE_FED',
  'REQUEUE_HOLD',
  'SPECIAL_EXIT',
  'RESV_DEL_HOLD',
  'SUSPENDED',
  'STOPPED',
]
const RUNNING = ['RUNNING', 'COMPLETING', 'CONFIGURING', 'RESIZING', 'SIGNALING', 'STAGE_OUT', 'POWER_UP_NODE']

/** Ends after which Slurm may start a task again by itself. */
const AGAIN: Readonly<Record<string, string>> = {
  NODE_FAIL: 'its node failed',
  PREEMPTED: 'it was preempted by another job',
  BOOT_FAIL: 'its node did not boot',
  REVOKED: 'another cluster of the federation took it',
}

const ENDS: Readonly<Record<string, string>> = {
  CANCELLED: 'it was cancelled',
  TIMEOUT: 'it hit the time limit of its job',
  OUT_OF_MEMORY: 'it used more memory than its job may: --slurm-option mem=… asks for more',
  DEADLINE: 'it was not done before the deadline of its job',
}

function stateOf({ job_state, state_reason, state_description, exit_code, nodes }: Job): TaskState {
  const words = (typeof job_state === 'string' ? job_state.split(/[\s+]/) : job_state).map(word => word.toUpperCase())
  const has = (all: readonly string[]) => words.some(word => all.includes(word))
  // What is completing may be about to be requeued.
  if (has(RUNNING)) return { state: 'running' }
  if (has(WAITING)) return waitingFor(state_reason, state_description)
  const where = nodes ? ` (node ${nodes})` : ''
  const reason = UNTOLD.test(state_reason) ? '' : `, ${state_reason}`
  const tell = (what: string) => `${what}${where}${reason}`
  for (const word of words) {
    if (word in AGAIN) return { state: 'ended', why: tell(AGAIN[word]), again: true }
    if (word in ENDS) return { state: 'ended', why: tell(ENDS[word]) }
  }
  if (words.includes('COMPLETED')) return { state: 'ended' }
  return { state: 'ended', why: howFailed(words[0] ?? 'nothing', codeOf(exit_code), nodes ?? 'its node') + reason }
}

function codeOf(status: v.InferOutput<typeof exit>): number {
  return typeof status === 'number' ? status >> 8 : (plain(status.return_code) ?? 0)
}

function howFailed(state: string, code: number, node: string): string {
  if (code === EXIT_NO_FOLDER)
    return `${node} does not see the directory: --slurm-dir names one on a file system that all nodes share`
  if (code === EXIT_NO_NODE)
    return `${node} has no Node where this machine has it: --ship-node puts it into the shared directory`
  return `it ended as ${state} on ${node}${code > 0 ? ` with exit status ${code}` : ''}`
}

/** Reasons that say nothing of an end: what it had waited for among them. */
const UNTOLD = /^(None|NonZeroExitCode|TimeLimit|Priority|Resources|BeginTime|JobHeld.*|Dependency|)$/

/** Reasons that only say that it is not its turn yet. */
const TURN =
  /^(None|Priority|Resources|BeginTime|Dependency|JobArrayTaskLimit|Prolog|Cleaning|Reservation|Licenses|NodeDown|.*(Max|Grp|Limit|Usage).*)$/i
/** Those that no patience changes, unless somebody acts. */
const HOPELESS =
  /^(PartitionNodeLimit|PartitionTimeLimit|PartitionConfig|PartitionInactive|BadConstraints|ConstraintsBad|InvalidAccount|InvalidQOS|DependencyNeverSatisfied|AccountNotAllowed|QOSNotAllowed|NodeNotAvail|FrontEndDown|BadJobConstraints|ReservationDeleted|.*NotAllowed)$/i

function waitingFor(reason: string, description: string | null | undefined): TaskState {
  if (/Held|SPECIAL_EXIT/i.test(reason))
    return { state: 'waiting', why: `it is held (${reason}): scontrol release lets it go, scancel gives it up` }
  if (HOPELESS.test(reason)) return { state: 'waiting', why: `it cannot start (${reason})`, hopeless: true }
  if (description) return { state: 'waiting', why: `it waits (${description})` }
  return TURN.test(reason) ? { state: 'waiting' } : { state: 'waiting', why: `it waits (${reason})` }
}
