/**
 * A compare-and-swap loop: the flags of an inode. The file system copies what the disk says into them, a mask of bits at
 * a time, while others set and clear flags of their own in the same word. A file that is immutable on the disk, before
 * and after, is immutable at every moment in between; and nobody's flags are undone by somebody else's.
 *
 * Beside it two more loops: a count with an upper limit, and a bit that is cleared unless another one is set.
 */
import { atomicIncBelow, bitClearUnless, setMaskBits } from '../../lib/atomic/cmpxchg-loops.ts'
import { atomicAndnot, atomicDec, atomicFetchOr, atomicOr, atomicRead } from '../../lib/atomic/native.ts'
import { violated } from '../../lib/check/oracle.ts'
import { ArenaBuilder, type ArenaImage, type Region } from '../../lib/shm/arena.ts'
import { struct } from '../../lib/shm/layout.ts'
import { defineScenario, type Random } from '../../torture/scenario.ts'

const INODE = struct('inode', {
  i_flags: 'S_ bits from the disk, and two bits for each of 12 threads',
  depth: 'requests under way, LIMIT at most',
  state: 'bit 0: expired; bit 1: pinned by somebody',
})

/** From the disk: the first is set there all the time, the others come and go. */
const S_IMMUTABLE = 1
const FROM_DISK = 0xff
const OWN_SHIFT = 8
const THREADS = 12
const LIMIT = 1
const EXPIRED = 1
const PINNED = 2

interface Shared {
  readonly arena: ArenaImage
  readonly inode: Region
}

class Worker {
  readonly #w: Int32Array
  readonly #inode: number
  readonly #random: Random
  readonly #shift: number
  #own = 0
  refused = 0

  constructor({ arena, inode }: Shared, random: Random, thread: number) {
    this.#w = arena.words
    this.#inode = inode.base
    this.#random = random
    this.#shift = OWN_SHIFT + 2 * thread
  }

  /** In turn, so that threads that begin together are at the same word. */
  turn(n: number): void {
    const step = n % 3
    if (step === 0) this.#changeFlags()
    else if (step === 1) this.#request()
    else this.#expire()
  }

  #changeFlags(): void {
    const at = this.#inode + INODE.i_flags
    const bits = this.#random.below(4) << this.#shift
    const mine = 3 << this.#shift
    const kind = this.#random.below(4)
    if (kind < 2) {
      const disk = S_IMMUTABLE | (this.#random.below(128) << 1)
      this.#look(setMaskBits(this.#w, at, FROM_DISK, disk))
    } else if (kind === 2) {
      this.#look(setMaskBits(this.#w, at, mine, bits))
      this.#own = bits
    } else {
      atomicOr(this.#w, at, bits)
      this.#own |= bits
      this.#look(atomicRead(this.#w, at))
      atomicAndnot(this.#w, at, bits)
      this.#own &= ~bits
    }
    this.#look(atomicRead(this.#w, at))
  }

  #look(flags: number): void {
    if ((flags & S_IMMUTABLE) === 0) violated('DATA', 'a file that is immutable was seen as one that is not')
    const found = flags & (3 << this.#shift)
    if (found !== this.#own)
      violated('DATA', `flags that only their owner changes were left at ${this.#own} and are ${found}`)
  }

  #request(): void {
    const at = this.#inode + INODE.depth
    if (!atomicIncBelow(this.#w, at, LIMIT)) {
      this.refused++
      return
    }
    const depth = atomicRead(this.#w, at)
    atomicDec(this.#w, at)
    if (depth < 1 || depth > LIMIT) violated('REF', `${depth} requests are under way, not 1 to ${LIMIT}`)
  }

  /** Who pins it alone may count on it: it does not expire, unless it had when the pin came. */
  #expire(): void {
    const w = this.#w
    const at = this.#inode + INODE.state
    if (this.#random.oneIn(2)) {
      bitClearUnless(w, at, EXPIRED, PINNED)
      return
    }
    const before = atomicFetchOr(w, at, PINNED | EXPIRED)
    if (before & PINNED) {
      this.refused++
      return
    }
    const during = atomicRead(w, at)
    atomicAndnot(w, at, PINNED)
    if ((during & EXPIRED) === 0) violated('DATA', 'a bit was cleared although the one that forbids it was set')
  }
}

const REPORT_EVERY = 1024

export default defineScenario({
  name: 'i-flags',
  summary: 'compare-and-swap loops: flags of an inode that come from the disk and from everybody',
  tags: ['lockless', 'kernel'],
  roundMs: 250,
  setup: ({ threads }): Shared => {
    if (threads.worker > THREADS) throw new RangeError(`the word has flags for ${THREADS} workers`)
    const builder = new ArenaBuilder()
    const inode = builder.region('inode', INODE, 1)
    const arena = builder.build()
    Atomics.store(arena.words, inode.base + INODE.i_flags, S_IMMUTABLE)
    return { arena, inode }
  },
  threads: {
    worker: {
      count: 2,
      open: ({ shared, random, thread }) => new Worker(shared, random, thread),
      run: ({ local: worker, more, count }) => {
        count('operations', 0)
        let turns = 0
        for (; more(); turns++) {
          worker.turn(turns)
          if (turns % REPORT_EVERY === REPORT_EVERY - 1) count('operations', REPORT_EVERY)
        }
        count('operations', turns % REPORT_EVERY)
        count('refused', worker.refused)
      },
    },
  },
  check: ({ shared: { arena, inode } }) => {
    const [depth, state] = [INODE.depth, INODE.state].map(field => Atomics.load(arena.words, inode.base + field))
    if (depth !== 0) violated('REF', `${depth} requests are under way, and nobody is there`)
    if (state & PINNED) violated('DATA', 'a pin is left, and nobody is there')
  },
  inconclusive: ({ counters }) => (counters.refused ? undefined : 'nobody was ever in the way of another'),
})
