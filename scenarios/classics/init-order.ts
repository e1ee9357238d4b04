/**
 * One thread initialises what another one uses. The user prepares itself first, which takes so long that what it needs
 * has always been there; it waits for it all the same.
 *
 * After the first example of S. Burckhardt, P. Kothari, M. Musuvathi and S. Nagarakatte, "A randomized scheduler with
 * probabilistic guarantees of finding bugs", ASPLOS 2010 (PCT).
 */
import { defineScenario } from '../../torture/scenario.ts'
import { type Classic, cells } from './_classic.ts'

const VALUE = 42

export interface InitOrder {
  readonly data: Int32Array
  /** 1 when the data is there. */
  readonly ready: Int32Array
  /** The user's own. */
  readonly table: Int32Array
}

const PARAMS = { entries: { default: 20, describe: 'entries that the user prepares before', min: 0, max: 10_000 } }

/** @param awaitData comes back when the data is there */
export const initOrder = (awaitData: (ready: Int32Array) => void): Classic<InitOrder, typeof PARAMS> => ({
  params: PARAMS,
  setup: ({ params }) => ({ data: cells(), ready: cells(), table: cells(params.entries + 1) }),
  threads: {
    initialiser: {
      run: ({ shared: { data, ready } }) => {
        Atomics.store(data, 0, VALUE, 'relaxed')
        Atomics.store(ready, 0, 1, 'release')
        Atomics.notify(ready, 0)
      },
    },
    user: {
      run: ({ shared: { data, ready, table }, params, fail }) => {
        for (let entry = 0; entry < params.entries; entry++) Atomics.store(table, entry, entry)
        awaitData(ready)
        if (Atomics.load(data, 0, 'relaxed') !== VALUE) fail('the data is used before it is there')
      },
    },
  },
})

export default defineScenario({
  name: 'init-order',
  summary: 'a thread waits until what it needs is initialised',
  tags: ['classic'],
  ...initOrder(ready => {
    while (Atomics.load(ready, 0, 'acquire') === 0) Atomics.wait(ready, 0, 0)
  }),
})
