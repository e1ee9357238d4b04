/**
 * `refcount_t` under objects that are recycled at once: a slot of a type-safe slab is freed and becomes the next object
 * while others still look at it, so a reference that was got wrongly is a reference to somebody else.
 *
 * A user finds a slot without any reference, takes one if there is one left, and only then asks which object it has. A
 * dropper takes a slot's object out of the table, and gives up the reference that the table had. Whoever gives the last
 * one up frees the object and makes the next in its place. In slot 0 references leak now and then, so many that the count
 * would wrap: from then on its object lives for ever, and may do nothing worse.
 */
import {
  REFCOUNT_SATURATED,
  type RefcountWarn,
  refcountAdd,
  refcountDec,
  refcountDecAndTest,
  refcountDecNotOne,
  refcountInc,
  refcountIncNotZero,
  refcountRead,
  refcountSet,
  refcountSetRelease,
} from '../../lib/atomic/refcount.ts'
import { violated } from '../../lib/check/oracle.ts'
import { ArenaBuilder, type ArenaImage, indexOf, objectAt, POISON, type Region } from '../../lib/shm/arena.ts'
import { struct } from '../../lib/shm/layout.ts'
import { defineScenario, type Random } from '../../torture/scenario.ts'

const SLOT = struct('slot', {
  ref: 'references to the object, 0 while there is none',
  lives: 'objects made and freed here: odd while one lives',
  listed: '1: the table has a reference to the object',
  key: 'the number of the object',
  data: 'the same, written last',
})

/** References that leak, in three steps: one less than it takes to be back where it began. */
const LEAKS = [0x7fffffff, 0x7fffffff, 1]

interface Shared {
  readonly arena: ArenaImage
  readonly slots: Region
}

interface Params {
  readonly leakEvery: number
}

class User {
  readonly #w: Int32Array
  readonly #slots: Region
  readonly #random: Random
  readonly #leakEvery: number
  readonly #warn: RefcountWarn
  uses = 0
  frees = 0
  empty = 0
  warnings = 0

  constructor({ arena, slots }: Shared, { leakEvery }: Params, random: Random) {
    this.#w = arena.words
    this.#slots = slots
    this.#random = random
    this.#leakEvery = leakEvery
    this.#warn = (fault, at, old) => {
      if (at !== objectAt(slots, 0) + SLOT.ref)
        violated('REF', `slot ${indexOf(slots, at - SLOT.ref)}: ${fault}, at ${old}`)
      this.warnings++
    }
  }

  turn(): void {
    const slot = objectAt(this.#slots, this.#random.below(this.#slots.count))
    if (!refcountIncNotZero(this.#w, slot + SLOT.ref, 'acquire', this.#warn)) {
      this.empty++
      return
    }
    this.#use(slot)
    if (this.#random.oneIn(2)) this.#drop(slot)
    if (slot === objectAt(this.#slots, 0) && this.#random.oneIn(this.#leakEvery)) this.#leak(slot)
    this.#put(slot)
    this.uses++
  }

  /** With a reference in hand the object lives, is what it is, and stays so. */
  #use(slot: number): void {
    const w = this.#w
    const lives = Atomics.load(w, slot + SLOT.lives, 'relaxed')
    const key = Atomics.load(w, slot + SLOT.key, 'relaxed')
    const data = Atomics.load(w, slot + SLOT.data, 'relaxed')
    if (!(lives & 1)) this.#wrong(slot, 'a reference to an object that is freed', { lives })
    if (data !== key) this.#wrong(slot, 'a reference to an object that is being made or freed', { key, data })
    refcountInc(w, slot + SLOT.ref, this.#warn)
    const now = { lives: Atomics.load(w, slot + SLOT.lives), key: Atomics.load(w, slot + SLOT.key) }
    refcountDec(w, slot + SLOT.ref, this.#warn)
    if (now.lives !== lives || now.key !== key)
      this.#wrong(slot, 'an object was freed while it was used', { lives, key, now })
  }

  /** Gives up the reference of the table, if nobody has yet. The caller has one of his own. */
  #drop(slot: number): void {
    if (Atomics.exchange(this.#w, slot + SLOT.listed, 0) === 0) return
    if (!refcountDecNotOne(this.#w, slot + SLOT.ref, this.#warn))
      this.#wrong(slot, 'the last of two references was given up', {})
  }

  #leak(slot: number): void {
    for (const n of LEAKS) refcountAdd(this.#w, slot + SLOT.ref, n, this.#warn)
  }

  #put(slot: number): void {
    if (!refcountDecAndTest(this.#w, slot + SLOT.ref, this.#warn)) return
    this.#free(slot)
    this.#make(slot)
    this.frees++
  }

  #free(slot: number): void {
    const w = this.#w
    const lives = Atomics.add(w, slot + SLOT.lives, 1)
    if (!(lives & 1)) this.#wrong(slot, 'an object is freed twice', { lives })
    Atomics.store(w, slot + SLOT.key, POISON, 'relaxed')
    Atomics.store(w, slot + SLOT.data, ~POISON, 'relaxed')
  }

  #make(slot: number): void {
    makeObject(this.#w, slot)
    refcountSetRelease(this.#w, slot + SLOT.ref, 1)
  }

  #wrong(slot: number, message: string, details: object): never {
    violated('GEN', message, {
      slot: indexOf(this.#slots, slot),
      ref: refcountRead(this.#w, slot + SLOT.ref),
      ...details,
    })
  }
}

/** All of an object but its reference count. */
function makeObject(w: Int32Array, slot: number): void {
  const key = Atomics.add(w, slot + SLOT.lives, 1) + 1
  Atomics.store(w, slot + SLOT.key, key, 'relaxed')
  Atomics.store(w, slot + SLOT.listed, 1, 'relaxed')
  Atomics.store(w, slot + SLOT.data, key, 'relaxed')
}

const REPORT_EVERY = 1024

export default defineScenario({
  name: 'refcount',
  summary: 'refcount_t: objects that are freed once, recycled at once, and never used after',
  tags: ['lockless', 'kernel'],
  params: {
    slots: { default: 2, min: 1, max: 1000, describe: 'objects that there are at a time' },
    leakEvery: {
      default: 50_000,
      min: 1,
      describe: 'one use of slot 0 in so many leaks references until the count wraps',
    },
  },
  // A leak is for the rest of the round.
  roundMs: 100,
  setup: ({ params }): Shared => {
    const builder = new ArenaBuilder()
    const slots = builder.region('slot', SLOT, params.slots, { ownLines: true })
    const arena = builder.build()
    for (let n = 0; n < slots.count; n++) {
      makeObject(arena.words, objectAt(slots, n))
      refcountSet(arena.words, objectAt(slots, n) + SLOT.ref, 1)
    }
    return { arena, slots }
  },
  threads: {
    user: {
      count: 2,
      open: ({ shared, params, random }) => new User(shared, params, random),
      run: ({ local: user, more, count }) => {
        count('uses', 0)
        let reported = 0
        while (more()) {
          user.turn()
          if (user.uses - reported < REPORT_EVERY) continue
          count('uses', user.uses - reported)
          reported = user.uses
        }
        count('uses', user.uses - reported)
        count('frees', user.frees)
        count('empty', user.empty)
        count('saturated', user.warnings > 0 ? 1 : 0)
      },
    },
  },
  check: ({ shared: { arena, slots } }) => {
    for (let n = 0; n < slots.count; n++) {
      const slot = objectAt(slots, n)
      const [ref, lives, listed] = [SLOT.ref, SLOT.lives, SLOT.listed].map(field =>
        Atomics.load(arena.words, slot + field),
      )
      if (!(lives & 1)) violated('REF', `slot ${n} has no object, and nobody to make one`, { ref, lives })
      const leaked = n === 0 && ref < 0
      if (leaked ? ref > REFCOUNT_SATURATED / 2 : ref !== 1 || listed !== 1)
        violated('REF', `slot ${n} has ${ref} references, and the table has ${listed}`, { lives })
    }
  },
  inconclusive: ({ counters }) => (counters.frees ? undefined : 'no object was ever freed'),
})
