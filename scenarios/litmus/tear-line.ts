/**
 * Tearing across cache lines: a DataView reads and writes anywhere, also where a value lies in two cache lines, which no
 * processor gets or gives up at one instant.
 */
import { acceptable, defineScenario, interesting } from '../../torture/scenario.ts'
import { OLD, seen, TORN } from './_tearing.ts'

const NUMBER = 1.1
/** Nobody knows where in a line a buffer begins, only that it is a multiple of 16: one of these lies across an edge. */
const PLACES = [12, 28, 44, 60] as const

export default defineScenario({
  name: 'litmus-tear-line',
  summary: 'tearing: a value that lies across the edge of a cache line, written and read through a DataView',
  tags: ['litmus', 'lockless'],
  setup: () => ({ view: new DataView(new SharedArrayBuffer(128)) }),
  threads: {
    writer: {
      run: ({ shared: { view } }) => {
        for (const place of PLACES) view.setFloat64(place, NUMBER)
      },
    },
    reader: {
      run: ({ shared: { view } }) => {
        let most = 0
        for (const place of PLACES) most = Math.max(most, seen(view.getFloat64(place), 0, NUMBER))
        return most
      },
    },
  },
  observes: ['0 old, 1 new, 2 torn'],
  outcomes: {
    ...OLD,
    '1': acceptable('the writer came first, or nearly'),
    [TORN]: interesting('a part of a store was seen: ECMAScript allows it, and processors do it'),
  },
})
