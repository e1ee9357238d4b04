/**
 * Where a failure under stress left its traces: the sites that its threads passed last. What a thread touches right
 * after one of them is what a directed search switches threads at.
 */
import { siteNames } from '../../../lib/shm/sites.ts'
import type { Stage } from '../control/stage.ts'
import { ACTOR } from '../schedule/board.ts'
import { OP } from '../schedule/ops.ts'
import type { Focus } from './focus.ts'

/** Operations after a site, and before it, that belong to it. */
const REACH = 4

/**
 * Marks the cells that this thread touches near the sites.
 * @param hits  the thread's counters of passed sites
 * @param sites names; those that the program does not have are passed over
 */
export function markNear(stage: Stage, hits: Int32Array, sites: readonly string[], near: Focus): void {
  const names = siteNames()
  const numbers = sites.map(name => names.indexOf(name)).filter(at => at >= 0)
  if (numbers.length === 0) return
  let seen = 0
  let left = 0
  const before: number[] = []
  const beat = stage.beat
  stage.beat = () => {
    beat()
    const { board, thread } = stage
    const kind = board.of(thread, ACTOR.kind)
    if (kind < OP.load || kind === OP.clock) return
    const address = board.of(thread, ACTOR.address)
    let passed = 0
    for (const at of numbers) passed += hits[at]
    if (passed !== seen) {
      seen = passed
      left = REACH
      for (const earlier of before) near.add(earlier, 4)
    }
    if (left > 0) {
      left--
      near.add(address, board.of(thread, ACTOR.bytes))
    }
    if (before.length === REACH) before.shift()
    before.push(address)
  }
}
