/**
 * Steps as the reduction sees them. A step of a thread that was spinning is one that awaited a change of any of the
 * cells that the loop looks at, wherever it then goes on: it depends on all of those changes, not only on the one that
 * roused the thread, or else it would matter which of two independent changes came first.
 */
import { type Board, MOST_WATCHED, STEP } from '../schedule/board.ts'
import { effectAt, type StepEffect } from '../schedule/effect.ts'
import { beginsBeside, DID, dependent, OP } from '../schedule/ops.ts'

/** A look at a cell in vain. */
export interface Look {
  readonly address: number
  readonly bytes: number
  /** It was a notify: somebody has to go to sleep there, rather than change the cell. */
  readonly forSleeper: boolean
  /** The last one, of those at this cell. */
  readonly step: number
}

export interface Step extends Readonly<StepEffect> {
  /** The thread that does it, or whose store buffer does. */
  readonly owner: number
  /** What its thread looked at in vain before; empty unless it was spinning. */
  readonly awaits: readonly Look[]
}

const NONE: readonly Look[] = []

export function stepAt(board: Board, step: number): Step {
  const { actor, kind, did, address, bytes } = effectAt(board, step)
  const spun = (did & DID.awakened) !== 0 && kind !== OP.wake && kind !== OP.drain
  return {
    actor,
    owner: ownerOf(actor, board.threads),
    kind,
    did,
    address,
    bytes,
    awaits: spun ? looksBefore(board, step) : NONE,
  }
}

export const ownerOf = (actor: number, threads: number): number => (actor < threads ? actor : actor - threads)

/**
 * The loop lies somewhere in what the thread has done since it last changed anything, and has at most `MOST_WATCHED`
 * cells. Cells that it looked at before the loop only add to the order.
 */
function looksBefore(board: Board, step: number): Look[] {
  const actor = board.actorAt(step)
  const looks: Look[] = []
  for (let at = step - 1; at >= 0 && looks.length < MOST_WATCHED; at--) {
    if (board.actorAt(at) !== actor) continue
    if ((board.didAt(at) & (DID.change | DID.delay)) !== 0) break
    const kind = board.kindAt(at)
    if (kind < OP.load || kind === OP.wake || kind === OP.clock) continue
    const look = {
      address: board.at(at, STEP.address),
      bytes: board.bytesAt(at),
      forSleeper: kind === OP.notify,
      step: at,
    }
    if (!looks.some(other => isSame(other, look))) looks.push(look)
  }
  return looks
}

const isSame = (a: Look, b: Look): boolean =>
  a.address === b.address && a.bytes === b.bytes && a.forSleeper === b.forSleeper

/** Whether a step is what a look was for. */
export const ends = ({ did, address, bytes }: StepEffect, look: Look): boolean =>
  (did & (look.forSleeper ? DID.sleep : DID.change)) !== 0 &&
  address < look.address + look.bytes &&
  look.address < address + bytes

/** It goes to its thread's store buffer, where nobody else sees it. */
export const isHidden = ({ kind, did }: StepEffect): boolean => kind === OP.store && (did & DID.delay) !== 0

/**
 * Whether the order of two steps of different actors matters. That of a thread and its own store buffer never does, as
 * far as both can go: what the thread has delayed it sees, whether it has reached memory or not (see `StoreOrder`).
 * @param everyState somebody looks at all cells after every step: the order of any two changes matters
 */
export const ordered = (a: Step, b: Step, everyState: boolean): boolean =>
  !(a.owner === b.owner && a.actor !== b.actor) &&
  ((isHidden(a) || isHidden(b) ? beginsBeside(a, b) : dependent(a, b)) ||
    (everyState && (a.did & b.did & DID.change) !== 0) ||
    a.awaits.some(look => ends(b, look)) ||
    b.awaits.some(look => ends(a, look)))
