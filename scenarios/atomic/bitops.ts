/**
 * Bit operations, all of them on the same few words: bits that belong to one thread each, bits that are given out and
 * given back, and bits that are locks. The words are shared, so whoever changes a bit rewrites the bits of all others.
 */
import {
  __bitSpinUnlock,
  __changeBit,
  __clearBit,
  __setBit,
  bitSpinLock,
  bitSpinTrylock,
  bitSpinUnlock,
  changeBit,
  clearBit,
  setBit,
  testAndChangeBit,
  testAndClearBit,
  testAndSetBit,
  testBit,
  testBitAcquire,
} from '../../lib/atomic/bitops.ts'
import { violated } from '../../lib/check/oracle.ts'
import { ArenaBuilder, type ArenaImage, objectAt, type Region } from '../../lib/shm/arena.ts'
import { Cpu, cpuRegion } from '../../lib/shm/cpu.ts'
import { struct } from '../../lib/shm/layout.ts'
import { defineScenario, type Random } from '../../torture/scenario.ts'

/** Of the first word: a lock, bits to be had by anybody, and one for each of the first 24 threads. */
const LOCK = 0
const FREE = [1, 2, 3, 4]
const OWN = 8
const THREADS_A_WORD = 24
/** Of the lock's own word: the lock, and a bit that its holder changes without atomic operations. */
const HELD = 5

const MAP = struct('bitmap', { word: 'a lock, bits to be had, and a bit for each of 24 threads' })
const LOCKS = struct('bit_locks', {
  solo: 'a word that only the holder of the lock in it writes to',
  first: 'changed first by the holder of the lock in solo',
  second: 'changed last',
  inside: 'holders of the lock in the bitmap',
})
const OWNER = struct('bit_owner', { thread: 'the number of the thread that has the bit, + 1' })

interface Shared {
  readonly arena: ArenaImage
  readonly cpus: Region
  readonly map: Region
  readonly locks: Region
  readonly owners: Region
}

class Worker {
  readonly cpu: Cpu
  readonly #w: Int32Array
  readonly #shared: Shared
  readonly #random: Random
  readonly #map: number
  readonly #me: number
  readonly #own: number
  #isSet = false
  refused = 0

  constructor(shared: Shared, random: Random, thread: number) {
    this.#w = shared.arena.words
    this.cpu = new Cpu(this.#w, shared.cpus, thread)
    this.#shared = shared
    this.#random = random
    this.#map = objectAt(shared.map, 0)
    this.#me = thread + 1
    this.#own = 32 * Math.floor(thread / THREADS_A_WORD) + OWN + (thread % THREADS_A_WORD)
  }

  /** In turn, so that threads that begin together are at the same bits. */
  turn(n: number): void {
    this.#checkOwn()
    const step = n % 4
    if (step === 0) this.#changeOwn()
    else if (step === 1) this.#haveOne()
    else if (step === 2) this.#lockSolo()
    else this.#lockAmongOthers()
  }

  /** Nobody else changes it, whatever they do to the bits beside it. */
  #checkOwn(): void {
    const found = testBit(this.#w, this.#map, this.#own)
    if (found !== this.#isSet)
      violated('DATA', `bit ${this.#own}, which only its owner changes, is ${found} after it was ${this.#isSet}`)
  }

  #changeOwn(): void {
    const [w, map, nr] = [this.#w, this.#map, this.#own]
    const before = this.#isSet
    const operation = this.#random.below(6)
    let returned = before
    if (operation === 0) setBit(w, map, nr)
    else if (operation === 1) clearBit(w, map, nr)
    else if (operation === 2) changeBit(w, map, nr)
    else if (operation === 3) returned = testAndSetBit(w, map, nr)
    else if (operation === 4) returned = testAndClearBit(w, map, nr)
    else returned = testAndChangeBit(w, map, nr)
    this.#isSet = operation % 3 === 0 ? true : operation % 3 === 1 ? false : !before
    if (returned !== before) violated('DATA', `bit ${nr} was left at ${before}, and an operation found ${returned}`)
    this.#checkOwn()
  }

  /** Whoever sets a free bit has what it stands for, alone. */
  #haveOne(): void {
    const nr = FREE[this.#random.below(FREE.length)]
    if (testBitAcquire(this.#w, this.#map, nr) || testAndSetBit(this.#w, this.#map, nr)) {
      this.refused++
      return
    }
    const owner = objectAt(this.#shared.owners, nr) + OWNER.thread
    const found = Atomics.exchange(this.#w, owner, this.#me)
    if (found !== 0) violated('CNT', `bit ${nr} was clear, and thread ${found - 1} has it`)
    Atomics.store(this.#w, owner, 0)
    if (!testAndClearBit(this.#w, this.#map, nr))
      violated('DATA', `bit ${nr} was cleared while thread ${this.#me - 1} had it`)
  }

  /** A lock that shares its word with nobody: unlocking takes no read-modify-write, and still a release. */
  #lockSolo(): void {
    const w = this.#w
    const at = this.#shared.locks.base
    bitSpinLock(this.cpu, at + LOCKS.solo, LOCK)
    const first = Atomics.load(w, at + LOCKS.first, 'relaxed')
    const second = Atomics.load(w, at + LOCKS.second, 'relaxed')
    const held = testBit(w, at + LOCKS.solo, HELD)
    Atomics.store(w, at + LOCKS.first, first + 1, 'relaxed')
    const operation = this.#random.below(3)
    if (operation === 0) __setBit(w, at + LOCKS.solo, HELD)
    else if (operation === 1) __clearBit(w, at + LOCKS.solo, HELD)
    else __changeBit(w, at + LOCKS.solo, HELD)
    if (testBit(w, at + LOCKS.solo, HELD) !== (operation === 0 || (operation === 2 && !held)))
      violated('DATA', 'the bit of the holder is not what it made it')
    Atomics.store(w, at + LOCKS.second, first + 1, 'relaxed')
    __bitSpinUnlock(this.cpu, at + LOCKS.solo, LOCK)
    if (first !== second) violated('CNT', 'two words that change under the lock were unequal', { first, second })
  }

  /** A lock in a word that others write to all the time. */
  #lockAmongOthers(): void {
    const w = this.#w
    const inside = this.#shared.locks.base + LOCKS.inside
    if (this.#random.oneIn(2)) bitSpinLock(this.cpu, this.#map, LOCK)
    else if (!bitSpinTrylock(this.cpu, this.#map, LOCK)) {
      this.refused++
      return
    }
    const others = Atomics.add(w, inside, 1)
    Atomics.sub(w, inside, 1)
    bitSpinUnlock(this.cpu, this.#map, LOCK)
    if (others !== 0) violated('CNT', `${others} others hold the lock of one bit`)
  }
}

const REPORT_EVERY = 1024

export default defineScenario({
  name: 'bitops',
  summary: 'bit operations on words that all threads share: no bit gets lost, bits that are locks keep others out',
  tags: ['lockless', 'kernel'],
  roundMs: 250,
  setup: ({ threads }): Shared => {
    const builder = new ArenaBuilder()
    const cpus = cpuRegion(builder, threads.worker)
    const map = builder.region('bitmap', MAP, Math.ceil(threads.worker / THREADS_A_WORD))
    const locks = builder.region('bit_locks', LOCKS, 1)
    const owners = builder.region('bit_owner', OWNER, OWN)
    return { arena: builder.build(), cpus, map, locks, owners }
  },
  threads: {
    worker: {
      count: 2,
      open: ({ shared, random, thread }) => new Worker(shared, random, thread),
      run: ({ local: worker, more, count }) => {
        worker.cpu.run()
        count('operations', 0)
        let turns = 0
        for (; more(); turns++) {
          worker.turn(turns)
          if (turns % REPORT_EVERY === REPORT_EVERY - 1) count('operations', REPORT_EVERY)
        }
        worker.cpu.offline()
        count('operations', turns % REPORT_EVERY)
        count('refused', worker.refused)
      },
      pause: worker => worker.cpu.idle(),
      resume: worker => worker.cpu.run(),
    },
  },
  check: ({ shared: { arena, map, locks } }) => {
    const w = arena.words
    for (const nr of [LOCK, ...FREE])
      if (testBit(w, map.base, nr)) violated('DATA', `bit ${nr} is set, and nobody has it`)
    if (testBit(w, locks.base + LOCKS.solo, LOCK)) violated('CNT', 'a lock is held, and nobody is there')
  },
  inconclusive: ({ counters }) => (counters.refused ? undefined : 'nobody was ever in the way of another'),
})
