/**
 * Message passing: one thread writes data and then raises a flag; who sees the flag reads the data. The store of the
 * flag is a release and its load an acquire, so neither the data nor the read of it can be on the wrong side.
 *
 * In JavaScript all `Atomics` are in full order, whatever the extra last argument says: what would go wrong where it is
 * not, only `torture explore --memory-model pso` can show.
 */

import type { Order } from '../../lib/shm/ordering.ts'
import { acceptable, defineScenario, forbidden } from '../../torture/scenario.ts'
import { cells } from '../classics/_classic.ts'

/** @param raise the order of the store of the flag, `look` that of its load */
export const messagePassing = (raise: Order, look: Order) => ({
  setup: () => ({ data: cells(), flag: cells() }),
  threads: {
    writer: {
      run: ({ shared: { data, flag } }: { shared: { data: Int32Array; flag: Int32Array } }) => {
        Atomics.store(data, 0, 1, 'relaxed')
        Atomics.store(flag, 0, 1, raise)
      },
    },
    reader: {
      run: ({ shared: { data, flag } }: { shared: { data: Int32Array; flag: Int32Array } }) => [
        Atomics.load(flag, 0, look),
        Atomics.load(data, 0, 'relaxed'),
      ],
    },
  },
  outcomes: {
    '0,0': acceptable('the reader came too early'),
    '0,1': acceptable('the data was there before the flag was seen'),
    '1,1': acceptable('flag and data'),
    '1,0': forbidden('the flag was seen, and not the data that it announces'),
  },
})

export default defineScenario({
  name: 'message-passing',
  summary: 'data, and a flag that announces it: release and acquire',
  tags: ['ordering'],
  ...messagePassing('release', 'acquire'),
})
