/**
 * The Chase–Lev deque: its owner takes tasks from the bottom without a lock, thieves steal from the top, and they only
 * compete for the last one.
 *
 * D. Chase and Y. Lev, "Dynamic circular work-stealing deque", SPAA 2005.
 */
import assert from 'node:assert/strict'
import { defineScenario } from '../../torture/scenario.ts'
import { type Classic, cells } from './_classic.ts'

const NONE = 0
const TASKS = [1, 2]

export interface ChaseLevDeque {
  /** The first task, for thieves. */
  readonly top: Int32Array
  /** One behind the last task, for the owner. */
  readonly bottom: Int32Array
  readonly tasks: Int32Array
}

/** @param claim lowers the bottom to the last task; returns the bottom and the top */
export const chaseLevDeque = (claim: (deque: ChaseLevDeque) => readonly [number, number]): Classic<ChaseLevDeque> => {
  const advance = (top: Int32Array, from: number) => Atomics.compareExchange(top, 0, from, from + 1) === from

  const take = (deque: ChaseLevDeque): number => {
    const [last, first] = claim(deque)
    if (first < last) return Atomics.load(deque.tasks, last)
    // The last task, or none: whoever moves the top has it.
    const task = first === last && advance(deque.top, first) ? Atomics.load(deque.tasks, last) : NONE
    Atomics.store(deque.bottom, 0, last + 1)
    return task
  }

  /** Returns a task, or none: there was none, or another thread was quicker. */
  const steal = ({ top, bottom, tasks }: ChaseLevDeque): number => {
    const first = Atomics.load(top, 0)
    if (first >= Atomics.load(bottom, 0)) return NONE
    const task = Atomics.load(tasks, first)
    return advance(top, first) ? task : NONE
  }

  return {
    setup: () => {
      const deque = { top: cells(), bottom: cells(), tasks: cells(TASKS.length) }
      for (const [at, task] of TASKS.entries()) Atomics.store(deque.tasks, at, task)
      Atomics.store(deque.bottom, 0, TASKS.length)
      return deque
    },
    threads: {
      owner: { run: ({ shared: deque }) => take(deque) },
      thief: { run: ({ shared: deque }) => [steal(deque), steal(deque)] },
    },
    check: ({ shared: { top, bottom, tasks }, threads }) => {
      const found: number[] = [threads.owner[0], ...threads.thief[0]].filter(task => task !== NONE)
      for (let at = Atomics.load(top, 0); at < Atomics.load(bottom, 0); at++) found.push(Atomics.load(tasks, at))
      assert.equal(String(found.sort()), String(TASKS), 'each task is done once, or still there')
    },
  }
}

export default defineScenario({
  name: 'chase-lev-deque',
  summary: 'a Chase–Lev deque: its owner claims a task before it looks for thieves',
  tags: ['classic'],
  ...chaseLevDeque(({ top, bottom }) => {
    const last = Atomics.load(bottom, 0) - 1
    Atomics.store(bottom, 0, last)
    return [last, Atomics.load(top, 0)]
  }),
})
