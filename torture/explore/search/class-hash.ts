/**
 * A hash of what an execution was, as far as its threads could notice: two executions that differ only in the order of
 * independent steps have the same one (they are of the same Mazurkiewicz class), others have different ones up to
 * collisions of 64 bits.
 *
 * Each actor's steps are hashed in their order, each with the last write that was there before it (who made it, as which
 * of his steps), or the last steps on the queue of its cell or on the clock; the actors' hashes are added. That says all:
 * what a read finds, in which order writes come, and, since each names the one before, which reads a write comes after.
 *
 * What a spinning thread waited for before it went on is no part of it, unlike in the partial-order reduction: it is a
 * rule of the scheduler that no thread can notice.
 */
import { type Board, MOST_ACTORS, STEP } from '../schedule/board.ts'
import { DID, isClocked, movesClock, OP } from '../schedule/ops.ts'

/** Cells are kept by units of 8 bytes: who wrote each byte last, and the last steps on the queues of its two words. */
const UNIT = { stamp: 0, number: 1, writers: 2, queues: 10 } as const
const UNIT_WORDS = 14
/** Words of a queue: the last notify, and the last wait that went to sleep. */
const QUEUE = { notify: 0, sleep: 1 } as const
const QUEUE_WORDS = 2
const FIRST_CAPACITY = 1 << 8

export class ClassHash {
  /** Two halves of the hash of the last execution. */
  high = 0
  low = 0
  readonly #counts = new Int32Array(MOST_ACTORS + 1)
  readonly #highs = new Int32Array(MOST_ACTORS + 1)
  readonly #lows = new Int32Array(MOST_ACTORS + 1)
  /** Open addressing; entries with an older stamp are free. */
  #units = new Int32Array(UNIT_WORDS * FIRST_CAPACITY)
  #capacity = FIRST_CAPACITY
  #stamp = 0
  #used = 0
  /** The last step that moved the clock. */
  #clocked = 0
  readonly #step = { kind: 0, did: 0 }

  /** Computes `high` and `low` from the trace. */
  take(board: Board): void {
    while (!this.#walk(board)) this.#grow()
    this.high = 0
    this.low = 0
    for (let actor = 0; actor <= MOST_ACTORS; actor++) {
      if (this.#counts[actor] === 0) continue
      this.high = (this.high + finish(this.#highs[actor] ^ Math.imul(actor + 1, 0x27d4eb2f))) | 0
      this.low = (this.low + finish(this.#lows[actor] ^ Math.imul(actor + 1, 0x165667b1))) | 0
    }
  }

  /** False if there are more cells than there is room for. */
  #walk(board: Board): boolean {
    this.#counts.fill(0)
    this.#highs.fill(0)
    this.#lows.fill(0)
    this.#nextStamp()
    this.#used = 0
    this.#clocked = 0
    const { steps } = board
    for (let step = 0; step < steps; step++) {
      const actor = board.actorAt(step)
      const kind = board.kindAt(step)
      const did = board.didAt(step)
      const address = board.at(step, STEP.address)
      const self = (++this.#counts[actor] << 5) | actor
      this.#mix(actor, Math.imul(address, 32) + kind)
      if (kind <= OP.gate) continue
      this.#step.kind = kind
      this.#step.did = did
      if (isClocked(this.#step)) {
        this.#mix(actor, this.#clocked)
        if (movesClock(this.#step)) this.#clocked = self
        if (kind === OP.clock) continue
      }
      const unit = this.#unitOf(address >>> 3)
      if (unit < 0) return false
      if (kind <= OP.wait || kind === OP.drain)
        this.#access(actor, unit + UNIT.writers + (address & 7), board.bytesAt(step), (did & DID.write) !== 0, self)
      if (kind >= OP.wait && kind <= OP.notify)
        this.#onQueues(actor, unit + UNIT.queues, address, board.bytesAt(step), kind, did, self)
    }
    return true
  }

  #access(actor: number, from: number, bytes: number, writes: boolean, self: number): void {
    const units = this.#units
    let writers = units[from]
    for (let at = from + 1; at < from + bytes; at++)
      if (units[at] !== units[at - 1]) writers = scramble(writers ^ Math.imul(units[at], at - from + 1))
    this.#mix(actor, writers)
    if (writes) for (let at = from; at < from + bytes; at++) units[at] = self
  }

  #onQueues(actor: number, from: number, address: number, bytes: number, kind: number, did: number, self: number) {
    const units = this.#units
    const first = from + QUEUE_WORDS * ((address >> 2) & 1)
    const last = bytes === 8 ? from + QUEUE_WORDS : first
    for (let queue = first; queue <= last; queue += QUEUE_WORDS) {
      this.#mix(actor, units[queue + QUEUE.notify])
      if (kind === OP.notify) units[queue + QUEUE.notify] = self
      if ((did & DID.sleep) === 0) continue
      this.#mix(actor, units[queue + QUEUE.sleep])
      units[queue + QUEUE.sleep] = self
    }
  }

  #mix(actor: number, word: number): void {
    const highs = this.#highs
    const lows = this.#lows
    const high = Math.imul(highs[actor] ^ word, 0x85ebca6b)
    highs[actor] = ((high << 13) | (high >>> 19)) + 0x52dce729
    const low = Math.imul(lows[actor] + word, 0x9e3779b1)
    lows[actor] = ((low << 17) | (low >>> 15)) ^ 0x38495ab5
  }

  /** Where the words of a unit are; -1: there is no room. */
  #unitOf(number: number): number {
    const units = this.#units
    const mask = this.#capacity - 1
    for (let slot = scramble(number) & mask; ; slot = (slot + 1) & mask) {
      const at = UNIT_WORDS * slot
      if (units[at + UNIT.stamp] !== this.#stamp) {
        if (2 * ++this.#used > this.#capacity) return -1
        units.fill(0, at, at + UNIT_WORDS)
        units[at + UNIT.stamp] = this.#stamp
        units[at + UNIT.number] = number
        return at
      }
      if (units[at + UNIT.number] === number) return at
    }
  }

  #nextStamp(): void {
    this.#stamp = (this.#stamp + 1) & 0x7fffffff
    if (this.#stamp !== 0) return
    this.#units.fill(0)
    this.#stamp = 1
  }

  #grow(): void {
    this.#capacity *= 2
    this.#units = new Int32Array(UNIT_WORDS * this.#capacity)
  }
}

const scramble = (word: number): number => {
  const product = Math.imul(word, 0x9e3779b1)
  return product ^ (product >>> 15)
}

/** Spreads every bit over all others (the finaliser of MurmurHash3). */
function finish(word: number): number {
  let x = word
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b)
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35)
  return x ^ (x >>> 16)
}
