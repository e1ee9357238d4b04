/**
 * Every few calls of Vyukov's ring, against what a bounded queue is. It is not quite one: a producer that has claimed a
 * place and not yet filled it hides those behind it, so the ring may seem empty although calls that put something in
 * have returned; likewise it may seem full.
 */
import { queue } from '../../lib/check/linearizability/models.ts'
import { initMpmcRing, MpmcRing, type MpmcRingImage, mpmcRingRegion } from '../../lib/lockless/mpmc-ring.ts'
import { defineScenario } from '../../torture/scenario.ts'
import { recorded } from '../workloads/calls.ts'

const calls = recorded<MpmcRingImage>({
  put: 'enqueue',
  take: 'dequeue',
  bounded: true,
  capacity: 2,
  reserve: mpmcRingRegion,
  init: initMpmcRing,
  open: (w, image) => new MpmcRing(w, image),
})

export default defineScenario({
  name: 'mpmc-ring-history',
  summary: "Vyukov's ring is a queue, but that it may seem empty or full while a call is under way",
  ...calls,
  params: {
    ...calls.params,
    strict: { default: false, describe: 'whether it is held to what a queue is, which it is not' },
  },
  history: {
    model: ({ params: { capacity, strict } }) => queue({ empty: 0, capacity, mayFail: !strict }),
  },
})
