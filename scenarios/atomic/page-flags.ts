/**
 * The word of a page's flags. Threads write to the page and mark it dirty, without its lock; others lock it, sleeping if
 * they have to, take the mark away, and write the page back. All of that changes bits of one word at the same time.
 *
 * A page that is not marked dirty is on the disk as it is; nobody sleeps beside a page that is not locked.
 */
import { clearBit, setBit, testAndClearBit, testBit } from '../../lib/atomic/bitops.ts'
import {
  PAGE_LOCK,
  PG_DIRTY,
  PG_LOCKED,
  PG_REFERENCED,
  PG_UPTODATE,
  PG_WAITERS,
  pageLock,
  pageTrylock,
  pageUnlock,
} from '../../lib/atomic/page-lock.ts'
import { violated } from '../../lib/check/oracle.ts'
import { ArenaBuilder, type ArenaImage, objectAt, type Region } from '../../lib/shm/arena.ts'
import { struct } from '../../lib/shm/layout.ts'
import { defineScenario, type Random } from '../../torture/scenario.ts'

const PAGE = struct('page', {
  lock: { struct: PAGE_LOCK, describe: 'flags, and what waiters sleep on' },
  inside: 'holders of the page lock',
  written: 'how often the page was written to',
  stored: 'what of that is on the disk; written by the holder of the lock',
})

interface Shared {
  readonly arena: ArenaImage
  readonly pages: Region
}

class Worker {
  readonly #w: Int32Array
  readonly #pages: Region
  readonly #random: Random
  stores = 0
  refused = 0

  constructor({ arena, pages }: Shared, random: Random) {
    this.#w = arena.words
    this.#pages = pages
    this.#random = random
  }

  /** In turn, so that threads that begin together do the same. */
  turn(n: number): void {
    const page = objectAt(this.#pages, this.#random.below(this.#pages.count))
    if (n & 1) this.#writeTo(page)
    else if (this.#lock(page)) {
      const others = Atomics.add(this.#w, page + PAGE.inside, 1)
      this.#writeBack(page)
      Atomics.sub(this.#w, page + PAGE.inside, 1)
      pageUnlock(this.#w, page + PAGE.lock)
      if (others !== 0) violated('CNT', `${others} others hold the page lock`)
    }
  }

  /** As a CPU does through its page table, and whoever drops the entry later: no lock. */
  #writeTo(page: number): void {
    const flags = page + PAGE.lock + PAGE_LOCK.flags
    Atomics.add(this.#w, page + PAGE.written, 1)
    setBit(this.#w, flags, PG_DIRTY)
    if (this.#random.oneIn(2)) setBit(this.#w, flags, PG_REFERENCED)
    else clearBit(this.#w, flags, PG_REFERENCED)
  }

  #lock(page: number): boolean {
    if (!this.#random.oneIn(4)) pageLock(this.#w, page + PAGE.lock)
    else if (!pageTrylock(this.#w, page + PAGE.lock)) {
      this.refused++
      return false
    }
    return true
  }

  #writeBack(page: number): void {
    const w = this.#w
    const flags = page + PAGE.lock + PAGE_LOCK.flags
    setBit(w, flags, PG_UPTODATE)
    // First the mark: what is written after it was taken away sets it again.
    if (!testAndClearBit(w, flags, PG_DIRTY)) return
    Atomics.store(w, page + PAGE.stored, Atomics.load(w, page + PAGE.written))
    this.stores++
  }
}

const REPORT_EVERY = 1024

export default defineScenario({
  name: 'page-flags',
  summary: "a page's flags: a lock that one sleeps for, and marks that are set beside it without the lock",
  tags: ['lockless', 'kernel'],
  params: { pages: { default: 1, min: 1, max: 1000, describe: 'pages, each with a word of flags' } },
  // The next unlock makes up for a wake-up that got lost: only at the end of a round there is none.
  roundMs: 20,
  setup: ({ params }): Shared => {
    const builder = new ArenaBuilder()
    const pages = builder.region('page', PAGE, params.pages, { ownLines: true })
    return { arena: builder.build(), pages }
  },
  threads: {
    worker: {
      count: 2,
      open: ({ shared, random }) => new Worker(shared, random),
      run: ({ local: worker, more, count }) => {
        count('operations', 0)
        let turns = 0
        for (; more(); turns++) {
          worker.turn(turns)
          if (turns % REPORT_EVERY === REPORT_EVERY - 1) count('operations', REPORT_EVERY)
        }
        count('operations', turns % REPORT_EVERY)
        count('written back', worker.stores)
        count('refused', worker.refused)
      },
    },
  },
  check: ({ shared: { arena, pages } }) => {
    for (let n = 0; n < pages.count; n++) {
      const page = objectAt(pages, n)
      const flags = page + PAGE.lock + PAGE_LOCK.flags
      const [written, stored] = [PAGE.written, PAGE.stored].map(field => Atomics.load(arena.words, page + field))
      if (testBit(arena.words, flags, PG_LOCKED)) violated('CNT', `page ${n} is locked, and nobody is there`)
      if (testBit(arena.words, flags, PG_WAITERS)) violated('CNT', `page ${n} has waiters, and nobody is there`)
      if (!testBit(arena.words, flags, PG_DIRTY) && written !== stored)
        violated('DATA', `page ${n} is not dirty, and the disk has ${stored} of what was written to it, not ${written}`)
    }
  },
  inconclusive: ({ counters }) => (counters.refused ? undefined : 'nobody ever found the page locked'),
})
