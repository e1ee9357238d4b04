/** All strategies of an exploration, in places that are the same in every thread. */

import type { ExplorerMemory } from '../memory.ts'
import type { Board } from '../schedule/board.ts'
import type { Focus } from '../search/focus.ts'
import { Bounded } from './bounded.ts'
import { Dpor } from './dpor.ts'
import { Pct } from './pct.ts'
import { Pos } from './pos.ts'
import { RandomWalk } from './random.ts'
import { Replay } from './replay.ts'
import type { Strategy } from './strategy.ts'
import { Urw } from './urw.ts'

export interface Strategies {
  readonly all: readonly Strategy[]
  readonly replay: Replay
  readonly dpor: Dpor
  readonly bounded: Bounded
}

/** Places in `all`. */
export const PLACE = { replay: 0, random: 1, pct2: 2, pct3: 3, pos: 4, urw: 5, bounded: 6, dpor: 7 } as const

export function makeStrategies(board: Board, memory: ExplorerMemory, focus: Focus): Strategies {
  const replay = new Replay(board.scratch(PLACE.replay), new Int32Array(memory.wanted))
  const bounded = new Bounded(board.scratch(PLACE.bounded), new Int32Array(memory.bounded))
  const dpor = new Dpor(board.scratch(PLACE.dpor), new Int32Array(memory.prefix))
  const all = [
    replay,
    new RandomWalk(),
    new Pct(board.scratch(PLACE.pct2), 2),
    new Pct(board.scratch(PLACE.pct3), 3),
    new Pos(board.scratch(PLACE.pos)),
    new Urw(board.scratch(PLACE.urw), focus),
    bounded,
    dpor,
  ]
  return { all, replay, dpor, bounded }
}
