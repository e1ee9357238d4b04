/** Why nobody can go on: who waits on which cell, what it holds, and who has notified it, or could have. */
import { ACTOR, type Board, HEAD, STEP } from '../schedule/board.ts'
import { OP } from '../schedule/ops.ts'
import type { Waits } from '../schedule/waits.ts'
import type { Names } from './names.ts'

interface Standing {
  readonly thread: string
  readonly does: string
  readonly cell: string
  /** The step in which it went to sleep. */
  readonly since?: number
  /** Notifies of that cell in this execution. */
  readonly notified: string
}

/** The message and the details of a deadlock or livelock, after the execution has ended in one. */
export function describeStandstill(
  board: Board,
  waits: Waits,
  names: Names,
): { readonly message: string; readonly details: { readonly threads: readonly Standing[] } } {
  const threads: Standing[] = []
  for (let t = 0; t < board.threads; t++) {
    const awaited = waits.awaitedBy(t)
    if (awaited >= 0) threads.push(asleep(board, names, t, awaited))
    else if ((board.head[HEAD.stuck] & (1 << t)) !== 0) threads.push(spinning(board, names, t))
  }
  const live = threads.some(({ since }) => since === undefined)
  const parts = threads.map(({ thread, does, cell, notified }) => `${thread} ${does} ${cell}${notified}`)
  return { message: `${live ? 'livelock' : 'deadlock'}: ${parts.join('; ')}`, details: { threads } }
}

function asleep(board: Board, names: Names, t: number, address: number): Standing {
  const since = lastStep(board, step => board.actorAt(step) === t && board.kindAt(step) === OP.wait)
  const notify = lastStep(board, step => board.kindAt(step) === OP.notify && board.at(step, STEP.address) === address)
  const who = notify < 0 ? '' : names.threads[board.actorAt(notify)]
  const notified =
    notify < 0 ? ' (nobody notified it)' : notify < since ? ` (${who} notified it before, in step ${notify})` : ''
  return { thread: names.threads[t], does: 'waits on', cell: names.cell(address), since, notified }
}

function spinning(board: Board, names: Names, t: number): Standing {
  // What is watched is kept by the steps that looked at it last.
  const looks = Array.from({ length: board.of(t, ACTOR.watching) }, (_, n) => board.of(t, ACTOR.watched + n))
  const cells = [...new Set(looks.map(step => board.at(step, STEP.address)))].sort((a, b) => a - b)
  const cell = cells.length === 0 ? 'the clock' : cells.map(address => names.cell(address)).join(', ')
  return { thread: names.threads[t], does: 'spins on', cell, notified: '' }
}

function lastStep(board: Board, is: (step: number) => boolean): number {
  let step = board.steps - 1
  while (step >= 0 && !is(step)) step--
  return step
}
