/**
 * Descent: an address space is forked, its child is, and so on, while ancestors end and mappings are split and merged.
 * What an anon_vma is needed for then ends for different reasons: its VMA goes, its descendants go, or take it over. At
 * last all of the family but the youngest ends, and every page of private memory is asked who maps it.
 */
import { sampleReferences } from '../../lib/mm/rmap/rmap.ts'
import type { Task } from '../../lib/mm/task.ts'
import type { Random } from '../../torture/scenario.ts'

/** Generations, if there are address spaces for so many. */
const GENERATIONS = 7

export interface Dynasty {
  readonly task: Task
  readonly random: Random
  /** Private pages [start, end): all writable, in a VMA or several. */
  readonly start: number
  readonly end: number
  /** Forks the address space that the task is in; -1: no memory. */
  readonly fork: () => number
  /** Writes to a page of the address space that the task is in. */
  readonly write: (vpn: number) => void
}

/** Founds a family and ends it; the task is in address space 0 before and after. Returns how many forks it was. */
export function descend(dynasty: Dynasty): number {
  const { task, random } = dynasty
  let alive: number[] = []
  let forks = 0
  for (; forks < GENERATIONS; forks++) {
    const child = dynasty.fork()
    if (child === -1) break
    alive.push(child)
    // Whoever has a use of an address space keeps it there: going to it cannot fail.
    task.switchMm(child)
    live(dynasty)
    alive = alive.filter(id => id === child || !random.oneIn(3) || end(task, id))
  }
  const youngest = alive.at(-1)
  if (youngest !== undefined) {
    join(dynasty)
    alive = alive.filter(id => id === youngest || end(task, id))
    walkAll(task)
  }
  task.switchMm(0)
  for (const id of alive) task.exit(id)
  return forks
}

/** Splits the mapping, or joins it, and writes to some pages: what is written to is the generation's own. */
function live({ task, random, start, end, write }: Dynasty): void {
  const middle = (start + end) >>> 1
  const draw = random.below(4)
  if (draw < 2) task.mprotect(task.home, start, middle, draw === 0)
  else if (draw === 2) join({ task, start, end })
  for (const [from, to] of [
    [start, middle],
    [middle, end],
  ])
    if (random.oneIn(2)) write(from + random.below(to - from))
}

/** Makes one VMA of what may be one. */
function join({ task, start, end }: Pick<Dynasty, 'task' | 'start' | 'end'>): void {
  task.mprotect(task.home, start, end, false)
  task.mprotect(task.home, start, end, true)
}

/** False, for a filter: it is not alive any more. */
function end(task: Task, id: number): false {
  task.exit(id)
  return false
}

function walkAll(task: Task): void {
  const { frames } = task.k.image.options
  for (let frame = 1; frame < frames; frame++) sampleReferences(task.k, frame)
}
