/**
 * Reader-writer range lock: a list of the ranges that are held or wanted, sorted by start, without a lock of its own.
 * To lock a range is to get a node into the list; who meets a range that stands in the way waits for it before it goes
 * in. To unlock is one operation on the own node, a mark in its `next`: marked nodes are as good as gone, and whoever
 * comes by takes them out.
 *
 * Among ranges of which one at least is a writer's, neighbours in the list compete for one link, and the compare-and-swap
 * decides. Readers may overlap, so a reader and a writer can get in at different places without noticing each other. So
 * both look again once they are in: a reader forward, waiting for writers that it overlaps; a writer from the head up to
 * itself, and if it finds a reader there it goes out again. Whoever of the two came in second sees the other.
 *
 * An empty list has a shorter way: the head itself is marked, and nobody else has seen the node. The first one who comes
 * by takes the mark off.
 *
 * Nodes are walked under RCU, and freed after a grace period; but nobody waits in an RCU section. Who waits for a range
 * may find that its node has been recycled meanwhile, which a serial number tells.
 *
 * Protocol: Kogan, Dice, Issa, "Scalable Range Locks for Scalable Address Spaces and Beyond" (EuroSys 2020), with the
 * remedy for starvation that they suggest: who was overtaken too often makes newcomers wait.
 */
import { violated } from '../check/oracle.ts'
import { objectAt, type Region } from '../shm/arena.ts'
import type { Cpu } from '../shm/cpu.ts'
import { bug, pass, passSlow, site } from '../shm/sites.ts'
import { MARK, RANGE_LOCK, RANGE_NODE, type RangeLockImage, type RangeNodes } from './range-nodes.ts'
import type { Rcu } from './rcu.ts'
import { Rwsem } from './rwsem.ts'

export { heldRanges, initRangeLocks, type RangeLockImage, RangeNodes, rangeLockRegion } from './range-nodes.ts'

/** Ranges that a thread waits for, one after the other, before it gets impatient. */
const PATIENCE = 16

const SITE_CONFLICT = site('range-lock/conflict')
const SITE_BEFORE_INSERT = site('range-lock/before-insert')
const SITE_INSERTED = site('range-lock/inserted')
const SITE_WITHDRAW = site('range-lock/withdraw')
const SITE_IMPATIENT = site('range-lock/impatient')
const SITE_UNLINKED = site('range-lock/unlinked')

/** A writer does not look whether a reader came in before it. */
const NO_VALIDATION = bug('range-lock-no-validation')

/** What a walk through the list comes to. */
const DONE = 0
const CONFLICT = 1
const RESTART = 2

/** A thread's handle of one range lock. */
export class RangeLock {
  readonly #cpu: Cpu
  readonly #w: Int32Array
  readonly #rcu: Rcu
  readonly #nodes: RangeNodes
  readonly #head: number
  readonly #impatient: number
  readonly #queue: Rwsem
  /** The node with which this thread holds the list alone, as far as it knows; 0: none. */
  #alone = 0
  /** The range that stood in the way, and its serial. */
  #conflict = 0
  #serial = 0
  /** Times that this thread had to wait for another one's range. */
  waits = 0

  /** @param lock its number in the image */
  constructor(cpu: Cpu, waiters: Region, image: RangeLockImage, lock: number, rcu: Rcu, nodes: RangeNodes) {
    this.#cpu = cpu
    this.#w = cpu.w
    this.#rcu = rcu
    this.#nodes = nodes
    this.#head = objectAt(image.locks, lock) + RANGE_LOCK.head
    this.#impatient = objectAt(image.locks, lock) + RANGE_LOCK.impatient
    this.#queue = new Rwsem(cpu, waiters, objectAt(image.queues, lock))
  }

  /**
   * Locks [start, end), shared with other readers or alone. Who holds a range and locks another one of the same lock may
   * wait for ever. Returns what `unlock` needs.
   */
  lock(start: number, end: number, reader: boolean): number {
    const w = this.#w
    const node = this.#makeNode(start, end, reader)
    if (
      Atomics.load(w, this.#head, 'relaxed') === 0 &&
      Atomics.compareExchange(w, this.#head, 0, node | MARK, 'acquire') === 0
    ) {
      this.#alone = node
      return node
    }
    if (Atomics.load(w, this.#impatient) === 0) return this.#enter(node, start, end, reader, PATIENCE)
    this.#queue.downRead()
    const held = this.#enter(node, start, end, reader, Number.POSITIVE_INFINITY)
    this.#queue.upRead()
    return held
  }

  /** As `lock`, if nothing stands in the way now; 0: something does. */
  tryLock(start: number, end: number, reader: boolean): number {
    const node = this.#makeNode(start, end, reader)
    if (!this.#insert(node, start, end, reader)) {
      this.#nodes.free(node)
      return 0
    }
    if (reader ? this.#meetsNoWriter(node, end) : this.#isAlone(node, start)) return node
    this.#release(node)
    return 0
  }

  /** Unlocks. */
  unlock(node: number): void {
    if (this.#alone === node) {
      this.#alone = 0
      // Nobody has come by, so nobody knows the node, and it can be used again at once.
      if (Atomics.compareExchange(this.#w, this.#head, node | MARK, 0, 'release') === (node | MARK)) {
        this.#nodes.free(node)
        return
      }
    }
    this.#release(node)
  }

  /** Turns an exclusive lock into a shared one. */
  downgrade(node: number): void {
    Atomics.store(this.#w, node + RANGE_NODE.reader, 1, 'release')
  }

  #release(node: number): void {
    // Not a store: the link may change at this moment, as somebody gets in behind, or takes out who is.
    if (Atomics.or(this.#w, node + RANGE_NODE.next, MARK, 'release') & MARK)
      violated('CNT', `cpu ${this.#cpu.id} unlocks range ${node}, which is not locked`)
  }

  #makeNode(start: number, end: number, reader: boolean): number {
    const w = this.#w
    const node = this.#nodes.take()
    // Even: it was reclaimed. Odd: it was never in a list that anybody walked.
    const serial = Atomics.load(w, node + RANGE_NODE.serial, 'relaxed')
    if ((serial & 1) === 0) Atomics.store(w, node + RANGE_NODE.serial, (serial + 1) | 0, 'relaxed')
    Atomics.store(w, node + RANGE_NODE.next, 0, 'relaxed')
    Atomics.store(w, node + RANGE_NODE.start, start, 'relaxed')
    Atomics.store(w, node + RANGE_NODE.end, end, 'relaxed')
    Atomics.store(w, node + RANGE_NODE.reader, reader ? 1 : 0, 'relaxed')
    return node
  }

  /** @param patience how many ranges it waits for before newcomers have to wait for it */
  #enter(first: number, start: number, end: number, reader: boolean, patience: number): number {
    let node = first
    for (let left = patience; ; left--) {
      if (this.#insert(node, start, end, reader)) {
        pass(SITE_INSERTED, node, reader ? 1 : 0)
        if (reader) this.#awaitWriters(node, end)
        if (reader || NO_VALIDATION || this.#isAlone(node, start)) return node
        // A reader that came in before us may not have seen us. It waits, so we give way.
        passSlow(SITE_WITHDRAW, start, end)
        this.#release(node)
        node = this.#makeNode(start, end, reader)
      }
      if (left === 0) return this.#enterImpatiently(node, start, end, reader)
      this.#awaitConflict(reader)
    }
  }

  #enterImpatiently(node: number, start: number, end: number, reader: boolean): number {
    passSlow(SITE_IMPATIENT, start, end)
    Atomics.add(this.#w, this.#impatient, 1)
    this.#queue.downWrite()
    const held = this.#enter(node, start, end, reader, Number.POSITIVE_INFINITY)
    this.#queue.upWrite()
    Atomics.sub(this.#w, this.#impatient, 1)
    return held
  }

  /** Gets the node into the list; false when a range stands in the way, which is noted. */
  #insert(node: number, start: number, end: number, reader: boolean): boolean {
    for (;;) {
      this.#rcu.readLock()
      const result = this.#tryInsert(node, start, end, reader)
      this.#rcu.readUnlock()
      if (result !== RESTART) return result === DONE
    }
  }

  #tryInsert(node: number, start: number, end: number, reader: boolean): number {
    const w = this.#w
    let prev = this.#head
    let link = this.#readHead()
    for (;;) {
      // The node whose link this is was released: what is inserted behind it would be lost.
      if (link & MARK) return RESTART
      if (link !== 0) {
        const next = this.#nextOf(link)
        if (next & MARK) {
          link = this.#unlink(prev, link, next)
          continue
        }
        // Once: a writer may become a reader at any moment.
        const shared = reader && this.#isReader(link)
        if (this.#standsBefore(link, start, shared)) {
          prev = link + RANGE_NODE.next
          link = Atomics.load(w, prev, 'acquire')
          continue
        }
        if (!shared && Atomics.load(w, link + RANGE_NODE.start) < end) return this.#noteConflict(link)
      }
      pass(SITE_BEFORE_INSERT, node, link)
      Atomics.store(w, node + RANGE_NODE.next, link, 'relaxed')
      const found = Atomics.compareExchange(w, prev, link, node)
      if (found === link) return DONE
      link = found
    }
  }

  /** Whether a range that begins at `start` belongs behind the node; those that share are sorted by start. */
  #standsBefore(node: number, start: number, shared: boolean): boolean {
    return Atomics.load(this.#w, node + (shared ? RANGE_NODE.start : RANGE_NODE.end)) <= start
  }

  #isReader(node: number): boolean {
    return Atomics.load(this.#w, node + RANGE_NODE.reader) === 1
  }

  /** After a reader's node is in: waits for the writers that it overlaps. */
  #awaitWriters(node: number, end: number): void {
    while (!this.#meetsNoWriter(node, end)) this.#awaitConflict(true)
  }

  /** False: the writer is noted. */
  #meetsNoWriter(node: number, end: number): boolean {
    for (;;) {
      this.#rcu.readLock()
      const result = this.#findWriter(node, end)
      this.#rcu.readUnlock()
      if (result !== RESTART) return result === DONE
    }
  }

  #findWriter(node: number, end: number): number {
    const w = this.#w
    let prev = node + RANGE_NODE.next
    let link = Atomics.load(w, prev)
    for (;;) {
      if (link & MARK) return RESTART
      if (link === 0) return DONE
      const next = this.#nextOf(link)
      if (next & MARK) {
        link = this.#unlink(prev, link, next)
        continue
      }
      if (Atomics.load(w, link + RANGE_NODE.start) >= end) return DONE
      if (!this.#isReader(link)) return this.#noteConflict(link)
      prev = link + RANGE_NODE.next
      link = Atomics.load(w, prev, 'acquire')
    }
  }

  /** After a writer's node is in: whether no range before it overlaps. */
  #isAlone(node: number, start: number): boolean {
    for (;;) {
      this.#rcu.readLock()
      const result = this.#findReader(node, start)
      this.#rcu.readUnlock()
      if (result !== RESTART) return result === DONE
    }
  }

  #findReader(node: number, start: number): number {
    const w = this.#w
    let prev = this.#head
    let link = this.#readHead()
    for (;;) {
      if (link & MARK) return RESTART
      if (link === node) return DONE
      if (link === 0) violated('CNT', `range ${node} is locked, and not in the list`)
      const next = this.#nextOf(link)
      if (next & MARK) {
        link = this.#unlink(prev, link, next)
        continue
      }
      if (Atomics.load(w, link + RANGE_NODE.end) > start) return this.#noteConflict(link)
      prev = link + RANGE_NODE.next
      link = Atomics.load(w, prev, 'acquire')
    }
  }

  /** The first node, its owner no longer alone. */
  #readHead(): number {
    const w = this.#w
    for (;;) {
      const head = Atomics.load(w, this.#head)
      if (!(head & MARK) || Atomics.compareExchange(w, this.#head, head, head & ~MARK) === head) return head & ~MARK
    }
  }

  /** The link of a node that was found in this RCU section. */
  #nextOf(node: number): number {
    if ((Atomics.load(this.#w, node + RANGE_NODE.serial) & 1) === 0)
      violated('GEN', `range node ${node} was freed while it was walked`)
    return Atomics.load(this.#w, node + RANGE_NODE.next)
  }

  /** Takes a released node out of the link at `prev`; returns what the link is then. */
  #unlink(prev: number, node: number, next: number): number {
    const found = Atomics.compareExchange(this.#w, prev, node, next & ~MARK)
    if (found !== node) return found
    pass(SITE_UNLINKED, node, next)
    this.#nodes.retire(node)
    return next & ~MARK
  }

  #noteConflict(node: number): number {
    this.#conflict = node
    this.#serial = Atomics.load(this.#w, node + RANGE_NODE.serial)
    return CONFLICT
  }

  /** Waits until what stood in the way is released, or is a reader's and does not matter to a reader any more. */
  #awaitConflict(reader: boolean): void {
    const w = this.#w
    const node = this.#conflict
    pass(SITE_CONFLICT, node, reader ? 1 : 0)
    this.waits++
    for (let n = 0; Atomics.load(w, node + RANGE_NODE.serial) === this.#serial; n++) {
      if (Atomics.load(w, node + RANGE_NODE.next, 'acquire') & MARK) return
      if (reader && this.#isReader(node)) return
      this.#cpu.relax(n)
    }
  }
}
