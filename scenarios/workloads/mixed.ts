/** The mixed load: everything at once, in proportions that are parameters. */

import type { Stamps } from '../../lib/check/stamps.ts'
import type { Task } from '../../lib/mm/task.ts'
import type { Random } from '../../torture/scenario.ts'
import { type Context, type Local, ownArea, type Params, type Shared } from './space.ts'
import { Tally } from './tally.ts'

/** Pages of a sweep over the own area, and of a burst of accesses elsewhere, between two calls of `more`. */
const SWEEP = 32
const BURST = 16

/** Sweeps, bursts of accesses and drops, mixed by weight. */
export function fault({ shared, params, local, index, more, count, random }: Context): void {
  const { task } = local
  const ownStart = ownArea(shared, index, params)
  const total = params.own + params.common + params.shared + params.drop
  const tally = new Tally(task, count)
  task.begin()
  while (more()) {
    const draw = random.below(Math.max(1, total))
    if (draw < params.own) sweep(task, local.stamps[task.home], ownStart, params, random, tally)
    else if (draw < params.own + params.common) burst(shared, params, local, tally, false)
    else if (draw < params.own + params.common + params.shared) burst(shared, params, local, tally, true)
    else if (random.oneIn(2)) dropSlot(shared, params, local)
    else dropPage(shared, params, local, tally)
    task.k.rcu.poll()
    tally.sometimes()
  }
  task.end()
  tally.report()
}

/** Accesses to random pages of the slots, until one of them turns out not to be mapped. */
function burst(
  shared: Shared,
  params: Params,
  { task, stamps, sharedStamps, random }: Local,
  tally: Tally,
  object: boolean,
): void {
  const own = stamps[task.home]
  for (let n = 0; n < BURST; n++) {
    const page = random.below(params.slots) * shared.stride + random.below(params['slot-pages'])
    const write = random.below(100) < params.writes
    const code = object ? sharedStamps.touch(shared.shared + page, page, write) : own.touch(shared.common + page, write)
    if (!tally.touched(code)) return
  }
}

function dropSlot(shared: Shared, params: Params, { task, random }: Local): void {
  const start = shared.common + random.below(params.slots) * shared.stride
  task.dontneed(task.home, start, start + params['slot-pages'])
}

/** Drops one page that it has just used, and looks at once whether it is gone. */
function dropPage(shared: Shared, params: Params, { task, stamps, random }: Local, tally: Tally): void {
  const vpn = shared.common + random.below(params.slots) * shared.stride + random.below(params['slot-pages'])
  if (!tally.touched(stamps[task.home].touch(vpn, false))) return
  task.dontneed(task.home, vpn, vpn + 1)
  tally.touched(stamps[task.home].touch(vpn, false))
}

/** Touches a run of the own area page by page, and now and then drops it: first touches, and reading back. */
function sweep(task: Task, stamps: Stamps, start: number, params: Params, random: Random, tally: Tally): void {
  const pages = Math.min(SWEEP, params['own-pages'])
  const from = start + random.below(params['own-pages'] - pages + 1)
  const write = random.below(100) < params.writes
  for (let vpn = from; vpn < from + pages; vpn++) tally.touched(stamps.touch(vpn, write))
  if (random.oneIn(2)) task.dontneed(task.home, from, from + pages)
}

/** Changes one address space or the other, now from inside and now from outside, and uses what it made. */
export function map({ shared, params, local, more, count, random }: Context): void {
  const { task } = local
  const tally = new Tally(task, count)
  task.begin()
  while (more()) {
    const mm = random.below(2)
    if (random.oneIn(2)) task.switchMm(mm)
    const object = random.below(Math.max(1, params.common + params.shared)) < params.common ? 0 : 1
    const area = object === 0 ? shared.common : shared.shared
    const { from, to } = someRange(shared, params['slot-pages'], params.slots, random)
    tally.changed(change(task, params, mm, area + from, area + to, object, from, random))
    if (random.below(100) < params.use) burst(shared, params, local, tally, object === 1)
    for (let n = 0; n < params.pace; n++) task.k.cpu.poll()
    tally.sometimes()
  }
  task.end()
  tally.report()
}

/** Mostly a whole slot, sometimes a piece of one: its VMA is split, and merged again later. */
function someRange(shared: Shared, slotPages: number, slots: number, random: Random): { from: number; to: number } {
  const slot = random.below(slots) * shared.stride
  if (random.below(4) !== 0) return { from: slot, to: slot + slotPages }
  const pages = 1 + random.below(slotPages)
  const from = slot + random.below(slotPages - pages + 1)
  return { from, to: from + pages }
}

function change(
  task: Task,
  params: Params,
  mm: number,
  start: number,
  end: number,
  object: number,
  offset: number,
  random: Random,
): number {
  const { map, unmap, protect, discard } = params
  const draw = random.below(Math.max(1, map + unmap + protect + discard))
  if (draw < map) return task.mmap(mm, start, end, { write: true, object, offset })
  if (draw < map + unmap) return task.munmap(mm, start, end)
  if (draw < map + unmap + protect) return task.mprotect(mm, start, end, random.oneIn(2))
  return task.dontneed(mm, start, end)
}
