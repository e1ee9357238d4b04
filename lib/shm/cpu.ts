/**
 * The context of one thread: what the kernel keeps per CPU. A thread takes an interrupt only where it polls for one
 * (between two accesses, in a spin), and not at all while it is parked: then it counts as interrupted already, and
 * serves what came in the moment it runs again.
 */
import { type ArenaBuilder, objectAt, type Region } from './arena.ts'
import { struct } from './layout.ts'
import { interruptWith, turnsOf } from './sites.ts'

/** Cells of one CPU. */
export const CPU = struct('cpu', {
  irq: 'interrupts requested so far, modulo 2^32; written by any thread',
  ack: 'interrupts served so far; written by the owner',
  state: '0 offline, 1 running, 2 parked',
  permit: '1: the next park returns at once',
  nap: 'always 0: what the owner waits on, with a time-out, to give up its core',
})

export const OFFLINE = 0
export const RUNNING = 1
export const PARKED = 2

/** Spins before a spinning thread begins to give up its core: longer than any critical section, shorter than a slice. */
const SPINS_BEFORE_NAP = 512
const NAP_MS = 0.05

/** Reserves the cells of `count` CPUs, each in cache lines of its own. */
export function cpuRegion(builder: ArenaBuilder, count: number): Region {
  return builder.region('cpu', CPU, count, { ownLines: true })
}

/**
 * A thread's handle of its CPU; locks and RCU take it to know who asks. Throws RangeError on a CPU that is not there.
 */
export class Cpu {
  readonly w: Int32Array
  readonly id: number
  /** How many CPUs there are. */
  readonly count: number
  readonly region: Region
  readonly base: number
  /**
   * Serves an interrupt: does what others have asked for by now, or `everything` that anybody could ask for, since this
   * thread goes to sleep. What that is, is set by who has something to flush.
   */
  onInterrupt: (everything: boolean) => void = () => {}
  #served: number

  constructor(words: Int32Array, region: Region, id: number) {
    if (id < 0 || id >= region.count) throw new RangeError(`cpu ${id} of ${region.count}`)
    this.w = words
    this.id = id
    this.count = region.count
    this.region = region
    this.base = objectAt(region, id)
    this.#served = Atomics.load(words, this.base + CPU.ack)
    interruptWith(() => this.poll())
  }

  /** Cell of another CPU: `cpu.cellOf(2, CPU.irq)`. */
  cellOf(id: number, field: number): number {
    return this.region.base + id * this.region.stride + field
  }

  /** Comes online, or wakes: announces itself first and serves afterwards, so that no request falls in between. */
  run(): void {
    // RUNNING before reading irq: a requester adds to irq and then reads the state. In whichever order the two pairs
    // interleave, it sees us running (and waits), or we see its request.
    Atomics.store(this.w, this.base + CPU.state, RUNNING)
    this.#serve()
  }

  /** Goes to sleep as far as interrupts are concerned: flushes first, since nobody will wait for us any more. */
  idle(): void {
    this.onInterrupt(true)
    Atomics.store(this.w, this.base + CPU.state, PARKED)
  }

  /** Leaves for good: as idle. */
  offline(): void {
    this.onInterrupt(true)
    Atomics.store(this.w, this.base + CPU.state, OFFLINE)
  }

  /** Takes a pending interrupt. One load when there is none. */
  poll(): void {
    if (Atomics.load(this.w, this.base + CPU.irq) !== this.#served) this.#serve()
  }

  #serve(): void {
    // Read the request count before flushing: a request that comes in during the flush is not covered by it.
    const requested = Atomics.load(this.w, this.base + CPU.irq)
    this.onInterrupt(false)
    this.#served = requested
    Atomics.store(this.w, this.base + CPU.ack, requested)
  }

  /** Requests an interrupt of another CPU; returns the ticket to wait for. */
  interrupt(id: number): number {
    return (Atomics.add(this.w, this.cellOf(id, CPU.irq), 1) + 1) | 0
  }

  /** Whether the other CPU has served the ticket, or need not since it is not running. */
  hasServed(id: number, ticket: number): boolean {
    if (((Atomics.load(this.w, this.cellOf(id, CPU.ack)) - ticket) | 0) >= 0) return true
    return Atomics.load(this.w, this.cellOf(id, CPU.state)) !== RUNNING
  }

  /**
   * One turn of a spin loop: `for (let n = 0; !done(); n++) cpu.relax(n)`. Takes interrupts, so that two spinning
   * threads that wait for each other's acknowledgement both get it; gives up the core when the spin gets long, since
   * with more threads than cores whoever is waited for may not be running.
   */
  relax(spins: number): void {
    this.poll()
    if (spins >= SPINS_BEFORE_NAP && (spins & 15) === 0) Atomics.wait(this.w, this.base + CPU.nap, 0, NAP_MS)
  }

  /**
   * Lets time pass: so many turns of a loop that waits for nothing, and keeps its core. Under the deterministic
   * scheduler it is one turn, since whoever is there may be kept from going on for as long as one likes.
   */
  delay(turns: number): void {
    for (let n = turnsOf(turns); n > 0; n--) this.poll()
  }

  /** The same of somebody who is in no hurry: gives up the core when it gets long. A nap takes some thousand turns. */
  linger(turns: number): void {
    for (let n = turnsOf(turns); n > 0; n--) this.relax(n)
  }
}
