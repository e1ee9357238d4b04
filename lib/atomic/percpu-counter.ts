/**
 * A counter split per thread (`percpu_counter`): everybody counts in a word of his own, and brings what has come together
 * to the common count when it is a batch. Counting is cheap then, and two readings are to be had: the common count,
 * which is cheap as well and wrong by less than a batch for each CPU, and the sum, which takes the lock.
 *
 * The lock keeps the moves of batches out of the sum: while one is on its way it is in neither place, or in both.
 */
import { type ArenaBuilder, objectAt, type Region } from '../shm/arena.ts'
import type { Cpu } from '../shm/cpu.ts'
import { struct } from '../shm/layout.ts'
import { bug, pass, passSlow, site } from '../shm/sites.ts'
import { spinLock, spinUnlock } from '../sync/spinlock.ts'

export const PERCPU_COUNT = struct('percpu_count', {
  lock: 'of the common count and of moves to it; the number of its owner + 1',
  count: 'the common count',
})
const OWN = struct('percpu_own', { count: 'counted by this CPU and not yet common; written by the owner' })

const SUM_UNLOCKED = bug('percpu-sum-unlocked')
const FOLD_SIGNED = bug('percpu-fold-signed')
const FOLD = site('percpu-counter/fold')
const BATCH_BELOW = site('percpu-counter/batch-below')
const SUM = site('percpu-counter/sum')

export interface PercpuCounterImage {
  readonly common: Region
  readonly own: Region
  /** What a CPU keeps is less than this, up or down. */
  readonly batch: number
}

/** @param batch at least 1 */
export function percpuCounterRegion(
  builder: ArenaBuilder,
  name: string,
  options: { readonly cpus: number; readonly batch: number },
): PercpuCounterImage {
  if (!(options.batch >= 1)) throw new RangeError(`a batch of ${options.batch}`)
  return {
    common: builder.region(name, PERCPU_COUNT, 1, { ownLines: true }),
    own: builder.region(`${name}_own`, OWN, options.cpus, { ownLines: true }),
    batch: options.batch,
  }
}

/** Largest error of `read`, up or down. */
export function percpuCounterError({ own, batch }: PercpuCounterImage): number {
  return own.count * (batch - 1)
}

/** A thread's handle. Sums are of 32 bits, and wrap. */
export class PercpuCounter {
  readonly #cpu: Cpu
  readonly #w: Int32Array
  readonly #image: PercpuCounterImage
  readonly #lock: number
  readonly #count: number
  readonly #own: number

  constructor(cpu: Cpu, image: PercpuCounterImage) {
    this.#cpu = cpu
    this.#w = cpu.w
    this.#image = image
    this.#lock = image.common.base + PERCPU_COUNT.lock
    this.#count = image.common.base + PERCPU_COUNT.count
    this.#own = objectAt(image.own, cpu.id) + OWN.count
  }

  add(n: number): void {
    const w = this.#w
    // Only this thread writes it: a load and a store will do.
    const own = Atomics.load(w, this.#own, 'relaxed') + n
    if (own <= -this.#image.batch) pass(BATCH_BELOW, own, 0)
    if ((FOLD_SIGNED ? own : Math.abs(own)) < this.#image.batch) {
      Atomics.store(w, this.#own, own, 'relaxed')
      return
    }
    spinLock(this.#cpu, this.#lock)
    Atomics.add(w, this.#count, own, 'relaxed')
    pass(FOLD, own, 0)
    Atomics.store(w, this.#own, 0, 'relaxed')
    spinUnlock(this.#cpu, this.#lock)
  }

  /** The common count: cheap, and wrong by `percpuCounterError` at most. */
  read(): number {
    return Atomics.load(this.#w, this.#count, 'relaxed')
  }

  /** Everything counted before the call, and of what is counted meanwhile some. */
  sum(): number {
    if (!SUM_UNLOCKED) spinLock(this.#cpu, this.#lock)
    let sum = Atomics.load(this.#w, this.#count, 'relaxed')
    passSlow(SUM, sum, 0)
    for (let cpu = 0; cpu < this.#image.own.count; cpu++)
      sum += Atomics.load(this.#w, objectAt(this.#image.own, cpu) + OWN.count, 'relaxed')
    if (!SUM_UNLOCKED) spinUnlock(this.#cpu, this.#lock)
    return sum | 0
  }

  /**
   * How the count compares with `n`: below 0, 0, or above. The common count answers where it is far enough away, and
   * the sum elsewhere.
   */
  compare(n: number): number {
    const common = this.read()
    if (Math.abs(common - n) > percpuCounterError(this.#image)) return common - n
    return this.sum() - n
  }
}
