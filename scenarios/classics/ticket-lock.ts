/**
 * The ticket lock: each thread draws a number, and waits until it is served.
 *
 * D. P. Reed and R. K. Kanodia, "Synchronization with eventcounts and sequencers", CACM 22(2), 1979; as a spinlock in
 * J. M. Mellor-Crummey and M. L. Scott, "Algorithms for scalable synchronization on shared-memory multiprocessors",
 * TOCS 9(1), 1991.
 */
import { defineScenario } from '../../torture/scenario.ts'
import { type Classic, cells, criticalSection } from './_classic.ts'

export interface TicketLock {
  /** The next ticket to be drawn. */
  readonly next: Int32Array
  /** The ticket whose owner may enter. */
  readonly serving: Int32Array
  readonly inside: Int32Array
}

/** @param draw takes a ticket */
export const ticketLock = (draw: (next: Int32Array) => number): Classic<TicketLock> => ({
  setup: () => ({ next: cells(), serving: cells(), inside: cells() }),
  threads: {
    contender: {
      count: 2,
      run: ({ shared: { next, serving, inside }, fail }) => {
        const ticket = draw(next)
        while (Atomics.load(serving, 0) !== ticket);
        criticalSection(inside, fail)
        Atomics.store(serving, 0, ticket + 1)
      },
    },
  },
})

export default defineScenario({
  name: 'ticket-lock',
  summary: 'a ticket lock: each ticket is drawn once',
  tags: ['classic'],
  ...ticketLock(next => Atomics.add(next, 0, 1)),
})
