/** Threads that put values in and take them out a few times, with all their calls recorded: is it linearizable? */
import { ArenaBuilder } from '../../lib/shm/arena.ts'
import type { ParamValues, RecordCall, RecordReturn, Scenario } from '../../torture/scenario.ts'
import { allOf, type Container, type Shared } from './tokens.ts'

const CALLS = { default: 3, min: 1, max: 12, describe: 'calls of each thread' }
const CAPACITY = { default: 64, min: 2, max: 64, describe: 'values that the structure holds' }

type Specs = { readonly calls: typeof CALLS; readonly capacity: typeof CAPACITY }
type Params = ParamValues<Specs>

export interface Recorded<I> {
  /** Names of the operations. */
  readonly put: string
  readonly take: string
  /** Whether putting in returns whether there was room; otherwise there always is. */
  readonly bounded?: boolean
  /** Default 64: more than anybody puts in. */
  readonly capacity?: number
  /** @param threads with one more: that of who checks */
  readonly reserve: (builder: ArenaBuilder, capacity: number, threads: number) => I
  readonly init: (w: Int32Array, image: I) => void
  readonly open: (w: Int32Array, image: I, thread: number) => Container
}

export interface Recording {
  readonly call: RecordCall
  readonly ret: RecordReturn
}

/** Room is a matter of the structure's, not of the model's, where it always should be. */
function put<I>({ put, bounded }: Recorded<I>, container: Container, value: number, { call, ret }: Recording): void {
  call(put, value)
  const done = container.put(value)
  if (bounded) ret(done)
  else if (done) ret()
  else throw new RangeError(`no room for ${value}`)
}

/** No value is put in twice, so that each tells which one it is. */
export const distinct = (thread: number, n: number): number => 100 * (thread + 1) + n

/** A scenario but for its name, its summary and the model of its history. */
export const recorded = <I>(kind: Recorded<I>) =>
  ({
    tags: ['lockless', 'history'],
    params: { calls: CALLS, capacity: { ...CAPACITY, default: kind.capacity ?? CAPACITY.default } },
    setup: ({ params, threads }: { params: Params; threads: Readonly<Record<string, number>> }): Shared<I> => {
      const builder = new ArenaBuilder()
      const image = kind.reserve(builder, params.capacity, allOf(threads) + 1)
      const arena = builder.build()
      kind.init(arena.words, image)
      return { arena, image }
    },
    threads: {
      caller: {
        count: 2,
        open: ({ shared, thread }) => kind.open(shared.arena.words, shared.image, thread),
        run: ({ local, thread, params, random, call, ret }) => {
          for (let n = 1; n <= params.calls; n++) {
            if (random.oneIn(2)) put(kind, local, distinct(thread, n), { call, ret })
            else {
              call(kind.take)
              ret(local.take())
            }
          }
          local.leave?.()
        },
      },
    },
    /** What is left comes out, and then it is empty. */
    check: ({ shared, threads, call, ret }) => {
      const container = kind.open(shared.arena.words, shared.image, threads.caller.length)
      const most = 2 * shared.arena.words.length
      for (let n = 0, value = -1; value !== 0 && n < most; n++) {
        call(kind.take)
        value = ret(container.take())
      }
    },
  }) satisfies Omit<Scenario<Shared<I>, Specs>, 'name' | 'summary' | 'history'>
