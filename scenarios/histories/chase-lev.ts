/** Every few calls of the deque of Chase and Lev, against what a deque with thieves is. */
import { deque } from '../../lib/check/linearizability/models.ts'
import { ChaseLevDeque, type ChaseLevImage, chaseLevRegion, LOST } from '../../lib/lockless/chase-lev.ts'
import { ArenaBuilder } from '../../lib/shm/arena.ts'
import { defineScenario } from '../../torture/scenario.ts'
import { distinct } from '../workloads/calls.ts'
import type { Shared } from '../workloads/tokens.ts'

/** Of the first array. */
const PLACES = 2
const GROWTHS = 3

const open = ({ shared }: { readonly shared: Shared<ChaseLevImage> }) =>
  new ChaseLevDeque(shared.arena.words, shared.image)

export default defineScenario({
  name: 'chase-lev-history',
  summary: 'the deque of Chase and Lev is linearizable, as far as thieves that came too late say so',
  tags: ['lockless', 'history'],
  params: { calls: { default: 4, min: 1, max: 12, describe: 'calls of each thread' } },
  setup: (): Shared<ChaseLevImage> => {
    const builder = new ArenaBuilder()
    const image = chaseLevRegion(builder, PLACES, GROWTHS)
    return { arena: builder.build(), image }
  },
  history: { model: deque({ empty: 0, abort: LOST, capacity: PLACES << GROWTHS }) },
  threads: {
    owner: {
      open,
      run: ({ local: deque, thread, params, random, call, ret }) => {
        for (let n = 1; n <= params.calls; n++) {
          if (n === 1 || random.oneIn(2)) {
            const task = distinct(thread, n)
            call('push', task)
            ret(deque.push(task))
          } else {
            call('take')
            ret(deque.take())
          }
        }
      },
    },
    thief: {
      count: 1,
      open,
      run: ({ local: deque, params, call, ret }) => {
        for (let n = 1; n < params.calls; n++) {
          call('steal')
          ret(deque.steal())
        }
      },
    },
  },
  /** What is left comes out, and then it is empty. */
  check: ({ shared, call, ret }) => {
    const deque = open({ shared })
    for (let task = -1, n = 0; task !== 0 && n <= PLACES << GROWTHS; n++) {
      call('steal')
      task = ret(deque.steal())
    }
  },
})
