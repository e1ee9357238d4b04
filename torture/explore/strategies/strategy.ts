/** What a way of choosing schedules has to offer. */
import type { Board } from '../schedule/board.ts'

/** The scheduler is to go by its rules. */
export const UNFORCED = -2

/**
 * `begin` and `end` are called in thread 0 only and may keep what they like; `choose` is called in whatever thread has
 * the baton, so what it needs lies in shared memory: the board, and the strategy's part of its scratch.
 */
export interface Strategy {
  /** As in reports and in `--strategy`. */
  readonly name: string
  /**
   * Before an execution, after the board was reset. Draws come from `board.random`.
   * @returns false if nothing is left to try
   */
  begin(board: Board): boolean
  /**
   * Who goes next: one of `board.eligible`, which has at least two bits. Called before a step that may matter to
   * others; the steps done so far are in the board's trace.
   */
  choose(board: Board): number
  /**
   * Who goes next, asked before all rules of the scheduler, for each step: only a replay has this.
   * @param able actors whose pending operation can be carried out, those that repeat themselves among them
   * @param opening whether handles are being opened: then it is only the one whose turn that is
   * @returns one of them, or `UNFORCED`, or -1: what was wanted cannot be done
   */
  forced?(board: Board, able: number, opening: boolean): number
  /** Of a replay: whether the present operation is to happen out of its order. See `Scheduler.aside`. */
  aside?(board: Board): boolean
  /** After the execution, whatever its ending. */
  end(board: Board): void
}
