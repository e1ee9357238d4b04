/**
 * The number is read and then advanced, in two steps.
 *
 * 1. Both threads read ticket 0, and both say that the next one is 1.
 * 2. Ticket 0 is served: both enter. Or one enters and leaves, ticket 1 is served, which nobody has, and the other one
 *    waits for ever.
 *
 * Source: L. Lamport, "A new solution of Dijkstra's concurrent programming problem", CACM 17(8), 1974: without an atomic
 * addition two customers of the bakery draw the same number, and it takes the rest of his algorithm to live with it.
 */
import { defineScenario } from '../../../torture/scenario.ts'
import { ticketLock } from '../ticket-lock.ts'

export default defineScenario({
  name: 'ticket-lock-bad',
  summary: 'a ticket lock whose tickets are drawn in two steps: two threads have the same one',
  tags: ['bad'],
  ...ticketLock(next => {
    const ticket = Atomics.load(next, 0) // wrong: drawn in two steps
    Atomics.store(next, 0, ticket + 1)
    return ticket
  }),
})
