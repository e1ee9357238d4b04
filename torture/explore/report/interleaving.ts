/** From the board to what people read: every step with the names of its cells, the values, and who wrote what was read. */
import type { Interleaving } from '../../../results/schema.ts'
import { SCHEMA } from '../../../results/version.ts'
import type { ExploredFault } from '../control/fault-box.ts'
import type { Traced } from '../control/stage.ts'
import { ASIDE, type Board, ENDING, HEAD, STEP } from '../schedule/board.ts'
import { DID, OP, opName } from '../schedule/ops.ts'
import { type Called, callsByStep } from './calls.ts'
import type { Names } from './names.ts'
import { originalPlaces } from './positions.ts'

type Step = Interleaving['steps'][number]
type Note = Traced & { readonly place: string | undefined }

/** Steps that are stored; of longer executions, the last ones. */
export const MOST_STORED = 20_000
/** Steps of each thread after the last that changed anything, in a livelock: all further ones are like them. */
const LIVELOCK_STEPS = 64

export function buildInterleaving(options: {
  board: Board
  names: Names
  /** What a traced execution noted beside the board, in the order of the steps. */
  traced: readonly Traced[]
  calls: readonly Called[]
  schedule: string
  fault: ExploredFault
  minimised?: NonNullable<Interleaving['minimised']>
}): Interleaving {
  const { board, names, fault } = options
  const places = originalPlaces(options.traced.map(({ stack }) => stack))
  const notes = new Map(options.traced.map((note, n) => [note.step, { ...note, place: places[n] }]))
  const writers = new Map<number, number>()
  const steps: Step[] = []
  const end = endOf(board)
  const calls = callsByStep(board, options.calls)
  for (let step = 0; step < end; step++) {
    const { before = [], after = [] } = calls.get(step) ?? {}
    steps.push({
      ...describe(board, step, names, notes.get(step), writers),
      ...(before.length > 0 && { before }),
      ...(after.length > 0 && { after }),
    })
    if ((board.didAt(step) & DID.write) !== 0) writers.set(board.at(step, STEP.address), step)
  }
  return {
    schema: SCHEMA,
    schedule: options.schedule,
    threads: [...names.threads],
    steps: steps.slice(-MOST_STORED),
    ...(end < board.steps && { further: board.steps - end }),
    ending: [`${fault.oracle} in ${fault.thread}: ${fault.message}`],
    ...(options.minimised && { minimised: options.minimised }),
  }
}

/** Where it begins to be of no interest any more. */
const endOf = ({ head, steps, threads }: Board): number =>
  head[HEAD.ending] === ENDING.livelock ? Math.min(steps, steps - head[HEAD.idle] + LIVELOCK_STEPS * threads) : steps

/** Whether a traced execution is so far in its livelock that nothing of it is kept any more. */
export const isBeyond = ({ head, threads }: Board): boolean => head[HEAD.idle] > LIVELOCK_STEPS * threads

/** `adder[0] load cells[0]`: what a schedule's step must be again to be the same. */
export const shortly = (board: Board, step: number, names: Names): string =>
  `${names.threads[threadAt(board, step)]} ${opName(board.kindAt(step))} ${names.cell(board.at(step, STEP.address))}`.trim()

function describe(
  board: Board,
  step: number,
  names: Names,
  note: Note | undefined,
  writers: Map<number, number>,
): Step {
  const kind = board.kindAt(step)
  const did = board.didAt(step)
  const address = board.at(step, STEP.address)
  const valued = (kind >= OP.load && kind <= OP.wait) || kind === OP.drain
  // A load that happened early read what was there before the last write.
  const from = step > 0 && board.kindAt(step - 1) === OP.early ? undefined : writers.get(address)
  const writes = (did & (DID.write | DID.delay)) !== 0
  return {
    step,
    thread: threadAt(board, step),
    op: opName(kind),
    cell: names.cell(address),
    ...(valued && { read: note?.read ?? String(board.at(step, STEP.read)) }),
    ...(writes && { wrote: note?.wrote ?? String(board.at(step, STEP.wrote)) }),
    ...resultOf(kind, did, board.at(step, STEP.read), note),
    ...(valued && from !== undefined && { from }),
    ...(note?.place !== undefined && { at: note.place }),
    ...(wasPreempted(board, step) && { preempted: true }),
  }
}

/** Whose step it is: of a buffer, the thread that delayed the store; of an aside, the thread of the step after it. */
function threadAt(board: Board, step: number): number {
  let at = step
  while (board.actorAt(at) === ASIDE && board.kindAt(at) > OP.drain && at < board.steps - 1) at++
  return board.actorAt(at) % board.threads
}

function resultOf(kind: number, did: number, read: number, note: Traced | undefined): { result?: string } {
  if ((did & DID.delay) !== 0) return { result: 'delayed' }
  if (kind === OP.wait) return { result: (did & DID.sleep) !== 0 ? 'sleeps' : (note?.result ?? 'not-equal') }
  if (kind === OP.wake) return { result: (did & DID.timeOut) !== 0 ? 'timed-out' : 'ok' }
  if (kind === OP.notify) return { result: `${read} woken` }
  if (kind === OP.compareExchange) return { result: (did & DID.write) !== 0 ? 'exchanged' : 'failed' }
  return note?.result === undefined ? {} : { result: note.result }
}

/** Whether the thread of the step before could have gone on. */
function wasPreempted(board: Board, step: number): boolean {
  if (step === 0) return false
  const before = board.actorAt(step - 1)
  if (before === ASIDE || board.actorAt(step) === ASIDE) return false
  return before !== board.actorAt(step) && (board.at(step, STEP.enabled) & (1 << before)) !== 0
}
