/**
 * Who changes the buffer wakes one thread, which may be of its own kind.
 *
 * 1. Both consumers find the place empty, and sleep.
 * 2. The producer puts item 1 and wakes the first consumer. It finds the place full for item 2, and sleeps, too.
 * 3. The first consumer takes item 1 and wakes the next in the queue: not the producer but the second consumer, which
 *    finds the place empty and sleeps again. The first consumer is done; the others sleep for ever.
 *
 * Source: T. Cargill, "Extreme Programming Challenge Fourteen", on the c2 wiki: a bounded buffer in Java with notify()
 * where it must be notifyAll().
 */
import { defineScenario } from '../../../torture/scenario.ts'
import { boundedBuffer } from '../bounded-buffer.ts'

export default defineScenario({
  name: 'bounded-buffer-bad',
  summary: 'a bounded buffer that wakes one thread, which may be of the wrong kind: all sleep',
  tags: ['bad'],
  ...boundedBuffer(place => {
    Atomics.notify(place, 0, 1) // wrong: one, where it must be all
  }),
})
