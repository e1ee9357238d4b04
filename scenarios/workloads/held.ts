/**
 * What holders of a lock say about themselves, and what they find: locktorture's held-for-write and held-for-read
 * flags, and two words that writers change one at the beginning and one at the end.
 *
 * The words are read and written in no order of their own (relaxed), the first thing and the last thing that a holder
 * does: it is the lock that must order them. The flags are in full order and lie in between.
 */
import { OracleViolation } from '../../lib/check/oracle.ts'
import { struct } from '../../lib/shm/layout.ts'

export const HELD = struct('held', {
  writers: 'threads that hold the lock for writing, by their own account',
  readers: 'threads that hold it for reading, so that writers are kept out',
  first: 'changed first by a writer: the number of writes',
  second: 'changed last: equal to the first whenever no writer holds the lock',
})

/** A thread's handle of the flags of one lock. Methods return what is wrong, since the lock has to be given back first. */
export class Held {
  readonly #w: Int32Array
  readonly #at: number
  #writes = 0

  constructor(w: Int32Array, at: number) {
    this.#w = w
    this.#at = at
  }

  /** Writes under the lock so far, for who holds nothing: about. */
  get writes(): number {
    return Atomics.load(this.#w, this.#at + HELD.first, 'relaxed')
  }

  beginWrite(): OracleViolation | undefined {
    const w = this.#w
    const first = Atomics.load(w, this.#at + HELD.first, 'relaxed')
    const second = Atomics.load(w, this.#at + HELD.second, 'relaxed')
    this.#writes = (first + 1) | 0
    Atomics.store(w, this.#at + HELD.first, this.#writes, 'relaxed')
    const writers = Atomics.add(w, this.#at + HELD.writers, 1)
    const readers = Atomics.load(w, this.#at + HELD.readers)
    if (writers !== 0 || readers !== 0)
      return wrong('CNT', 'a writer got the lock that others hold', { writers, readers })
    return first === second ? undefined : wrong('DATA', 'a writer found half a write', { first, second })
  }

  endWrite(): OracleViolation | undefined {
    const w = this.#w
    const writers = Atomics.sub(w, this.#at + HELD.writers, 1) - 1
    const readers = Atomics.load(w, this.#at + HELD.readers)
    Atomics.store(w, this.#at + HELD.second, this.#writes, 'relaxed')
    if (writers === 0 && readers === 0) return undefined
    return wrong('CNT', 'others got the lock that a writer holds', { writers, readers })
  }

  beginRead(): OracleViolation | undefined {
    const w = this.#w
    const found = this.compare()
    Atomics.add(w, this.#at + HELD.readers, 1)
    const writers = Atomics.load(w, this.#at + HELD.writers)
    return writers === 0 ? found : wrong('CNT', 'a reader got the lock that a writer holds', { writers })
  }

  endRead(): OracleViolation | undefined {
    const w = this.#w
    const writers = Atomics.load(w, this.#at + HELD.writers)
    Atomics.sub(w, this.#at + HELD.readers, 1)
    const found = this.compare()
    return writers === 0 ? found : wrong('CNT', 'a writer got the lock that a reader holds', { writers })
  }

  /** What a reader sees that keeps nobody out: to be believed only if no writer came in between. */
  compare(): OracleViolation | undefined {
    // In the other order than they are written in: a writer at work makes them differ.
    const second = Atomics.load(this.#w, this.#at + HELD.second, 'relaxed')
    const first = Atomics.load(this.#w, this.#at + HELD.first, 'relaxed')
    return first === second ? undefined : wrong('DATA', 'a reader found half a write', { first, second })
  }
}

function wrong(oracle: string, message: string, details: object): OracleViolation {
  return new OracleViolation(oracle, message, details)
}
