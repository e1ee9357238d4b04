/**
 * Parking: how a thread sleeps until another one wakes it. The permit is a word of its own, never the word whose change
 * is awaited: waiting on the tested word would let the engine re-check the condition for us and so make lost wake-ups,
 * the commonest defect of hand-written locks, impossible to write.
 *
 * A permit does not count: two unparks before a park are one. So it is always: test; park; test again.
 */
import { CPU, type Cpu, PARKED } from '../shm/cpu.ts'

/** A wake-up that is under way arrives within this; going to sleep and being woken costs some ten times more. */
const SPINS = 40

/**
 * Sleeps until somebody gives this thread a permit, and consumes it. It counts as interrupted while it sleeps.
 * @param timeoutMs gives up after so many milliseconds
 * @returns false on time-out
 */
export function park(cpu: Cpu, timeoutMs = Number.POSITIVE_INFINITY): boolean {
  const w = cpu.w
  const permit = cpu.base + CPU.permit
  for (let n = 0; n < SPINS; n++) {
    if (Atomics.load(w, permit) !== 0 && Atomics.exchange(w, permit, 0) !== 0) return true
    cpu.relax(n)
  }
  cpu.idle()
  let granted: boolean
  let timedOut: boolean
  do {
    timedOut = Atomics.wait(w, permit, 0, timeoutMs) === 'timed-out'
    granted = Atomics.exchange(w, permit, 0) !== 0
  } while (!granted && !timedOut)
  cpu.run()
  return granted
}

/** Gives another thread a permit: it wakes, or will not fall asleep the next time. */
export function unpark(cpu: Cpu, target: number): void {
  const permit = cpu.cellOf(target, CPU.permit)
  if (Atomics.exchange(cpu.w, permit, 1) !== 0) return
  // The sleeper says PARKED before its wait compares the permit; we give the permit before we look at its state. Either
  // the wait finds the permit or we find the sleeper parked: a notification is never needed and left out, and mostly
  // left out when it is not needed.
  if (Atomics.load(cpu.w, cpu.cellOf(target, CPU.state)) === PARKED) Atomics.notify(cpu.w, permit, 1)
}
