/**
 * Every few calls of Vyukov's ring, against what a bounded queue is. It is not quite one: a producer that has claimed a
 * place and not yet filled it hides those behind it, so the ring may seem empty although calls that put something in
 * have returned; likewise it may seem full.
 */
import { queue } from '../../lib/check/linearizability/models.ts'
import { initMpmcRing, MpmcRing, type MpmcRingImage, mpmcRingRegion } from '../../lib/lockless/mpmc-ring.ts'
import { defineScenario } from '../../torture/scenario.ts'
import { recorded } from '../workloads/calls.ts'

export default defineScenario({
  name: 'mpmc-ring-history',
  summary: "Vyukov's ring is a queue, but that it may seem empty or full while a call is under way",
  ...recorded<MpmcRingImage>(
    {
      put: 'enqueue',
      take: 'dequeue',
      bounded: true,
      model: ({ params }) => queue({ empty: 0, capacity: params.capacity, mayFail: true }),
      reserve: mpmcRingRegion,
      init: initMpmcRing,
      open: (w, image) => new MpmcRing(w, image),
    },
    2,
  ),
})
