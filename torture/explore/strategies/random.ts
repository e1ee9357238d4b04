/**
 * The random walk: at every step at which it is asked, each thread that can go is as likely as the others.
 *
 * Nothing is promised about deep bugs (an interleaving of many switches at chosen places has a probability that falls
 * exponentially with the length), but what needs many switches at any place is found soon: it complements PCT.
 */
import { type Board, nthOf, sizeOf } from '../schedule/board.ts'
import type { Strategy } from './strategy.ts'

export class RandomWalk implements Strategy {
  readonly name = 'random'

  begin(): boolean {
    return true
  }

  choose(board: Board): number {
    const { eligible } = board
    return nthOf(eligible, board.random.below(sizeOf(eligible)))
  }

  end(): void {}
}
