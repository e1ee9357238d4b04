/**
 * DATA oracle for pins: a page that is pinned to be written to, or that is private memory, stays the page that its
 * address translates to. What a device writes into it is read through the page tables, and what is written through them
 * is found by the device, until the page is dropped on purpose.
 *
 * The thread is its own device: it has the frame's number, and reads and writes its word there without the page tables.
 * How sure it may be follows, as in stamps.ts, from counts of the drops of that page:
 *
 * - none was under way when the page was looked for, and none has begun since: it is still the page;
 * - one that began after the pin was there has ended: the frame is the device's alone, and what it writes there stays;
 * - otherwise a drop overlaps: nothing is said.
 *
 * In every case the frame is not freed: a FREE violation.
 */

import { FOLL_LONGTERM, FOLL_WRITE } from '../mm/gup/foll.ts'
import type { Gup } from '../mm/gup/gup.ts'
import { FRAME, PAGE_LOG, ZERO_FRAME } from '../mm/layout.ts'
import { DATA_AT } from '../mm/memory.ts'
import type { Task } from '../mm/task.ts'
import { pass, site } from '../shm/sites.ts'
import { violated } from './oracle.ts'

const DMA = site('pins/dma')

/** What a thread knows of its words in an area of memory, and how it accesses them through the page tables. */
export interface Content {
  /** Whether it outlives being dropped from the page tables, and so stays the device's as well. */
  readonly lasting: boolean
  /** Page of the object, or of private memory, that lies there. */
  index(vpn: number): number
  /** Reads the page's word and checks it; with `write` writes a new one. Returns the FAULT_ code. */
  touch(vpn: number, write: boolean): number
  /** What the word held when it was last accessed. */
  expected(vpn: number): number
  /** The value for a write by another way than the page tables. */
  next(vpn: number): number
  /** It was written, and `settled` drops of the page had begun and ended before it was looked for; -1: not all of them had ended. */
  wrote(vpn: number, value: number, settled: number): void
}

/** One thread's words in an object that is mapped, shared, from page `start`: nothing is lost by being dropped. */
export class LastingWords implements Content {
  readonly lasting = true
  readonly #task: Task
  readonly #start: number
  readonly #values: Int32Array
  #next = 0

  constructor(task: Task, start: number, pages: number) {
    this.#task = task
    this.#start = start
    this.#values = new Int32Array(pages)
  }

  touch(vpn: number, write: boolean): number {
    const { w, cpu } = this.#task.k
    const data = this.#task.access(vpn, write)
    if (data < 0) return -data
    const seen = Atomics.load(w, data + cpu.id)
    const expected = this.expected(vpn)
    if (write) {
      const value = this.next()
      Atomics.store(w, data + cpu.id, value)
      this.wrote(vpn, value)
    }
    this.#task.accessed(vpn)
    if (seen !== expected)
      violated('DATA', `shared page at ${vpn}: cpu ${cpu.id} wrote ${expected}, and now it holds ${seen}`)
    return 0
  }

  index(vpn: number): number {
    return vpn - this.#start
  }

  expected(vpn: number): number {
    return this.#values[vpn - this.#start]
  }

  next(): number {
    this.#next = (this.#next + 1) & 0x3fffffff || 1
    return this.#next
  }

  wrote(vpn: number, value: number): void {
    this.#values[vpn - this.#start] = value
  }
}

/** A pin that the thread holds. */
export interface Pin {
  readonly vpn: number
  readonly content: Content
  readonly frame: number
  readonly foll: number
  readonly gen: number
  /** Drops begun before the page was looked for, if none of them was under way; else -1. */
  readonly settled: number
  /** Drops begun when the pin was there. */
  readonly begun: number
  /** Whether it is to stay the page of its address. */
  readonly coherent: boolean
  wrote: boolean
}

export class PinStats {
  taken = 0
  /** Comparisons of what the device and the page tables see, and writes by a device whose page was dropped. */
  compared = 0
  orphaned = 0
  forced = 0
}

/** One thread's pins in the address space that it is in, at the end of a turn all of them given back. */
export class Pins {
  readonly #task: Task
  readonly #gup: Gup
  readonly #w: Int32Array
  readonly #word: number
  readonly held: Pin[] = []
  readonly stats = new PinStats()

  constructor(task: Task, gup: Gup) {
    this.#task = task
    this.#gup = gup
    this.#w = task.k.w
    this.#word = task.k.cpu.id
  }

  /** Pins a page, or notes why not. Returns the FAULT_ code. */
  take(vpn: number, foll: number, fast: boolean, content: Content): number {
    const { mm, k } = this.#task
    const settled = this.#settled(vpn)
    const frame = fast ? this.#gup.getFast(mm, vpn, foll) : this.#gup.get(mm, vpn, foll)
    if (frame < 0) return -frame
    this.stats.taken++
    if (frame === ZERO_FRAME) {
      if (foll & (FOLL_WRITE | FOLL_LONGTERM)) this.#wrongPage(vpn, frame, 'the zero page')
      return 0
    }
    // It stays what it is as long as it is pinned, whatever becomes of the page tables.
    const index = Atomics.load(this.#w, k.frames.at(frame) + FRAME.index)
    if (index !== content.index(vpn)) this.#wrongPage(vpn, frame, `page ${index} of something`)
    const coherent = (foll & (FOLL_WRITE | FOLL_LONGTERM)) !== 0 || k.frames.isAnon(frame)
    const gen = this.#generation(frame)
    this.held.push({ vpn, content, frame, foll, gen, settled, begun: this.#begun(vpn), coherent, wrote: false })
    return 0
  }

  /** A device and a thread use the same page: each must see what the other does. */
  exchange(pin: Pin, write: boolean): void {
    this.#checkFrame(pin)
    if (!pin.coherent) return
    if (!this.#isAttached(pin)) {
      if (pin.foll & FOLL_WRITE && this.#isOrphan(pin)) this.#writeAlone(pin)
      return
    }
    const { vpn, content } = pin
    if (content.touch(vpn, write) === 0) this.#compare(pin)
    if ((pin.foll & FOLL_WRITE) === 0 || !this.#isAttached(pin)) return
    const value = content.next(vpn)
    this.#write(pin, value)
    content.wrote(vpn, value, pin.settled)
    if (content.touch(vpn, false) === 0) this.#compare(pin)
  }

  /** Gives a pin back. */
  drop(pin: Pin): void {
    this.#checkFrame(pin)
    this.held.splice(this.held.indexOf(pin), 1)
    this.#gup.release(pin.frame, pin.foll, pin.wrote)
  }

  /** A debugger's write to private memory, whatever its rights. Returns the FAULT_ code. */
  force(vpn: number, content: Content): number {
    const settled = this.#settled(vpn)
    const value = content.next(vpn)
    const code = this.#gup.writeRemote(this.#task.mm, vpn, this.#word, value)
    if (code !== 0) return code
    content.wrote(vpn, value, settled)
    // While a page is being dropped this CPU may still translate to the old one, and would not see what was written.
    if (this.#begun(vpn) !== settled) this.#task.k.tlb.flush()
    this.stats.forced++
    return 0
  }

  /** Nobody else can reach the frame: what is written there stays. */
  #writeAlone(pin: Pin): void {
    const value = pin.content.next(pin.vpn)
    this.#write(pin, value)
    this.#task.k.cpu.poll()
    const seen = Atomics.load(this.#w, this.#wordOf(pin))
    this.#checkFrame(pin)
    this.stats.orphaned++
    if (seen !== value)
      this.#wrong(pin, `a device wrote ${value} after it was dropped, and now the frame holds ${seen}`)
  }

  #compare(pin: Pin): void {
    const { task, vpn, frame } = { task: this.#task, vpn: pin.vpn, frame: pin.frame }
    const data = task.access(vpn, false)
    if (data < 0) return
    task.accessed(vpn)
    const seen = Atomics.load(this.#w, this.#wordOf(pin))
    // None has begun by now, so none had when the page was translated.
    if (!this.#isAttached(pin)) return
    this.stats.compared++
    const at = task.k.frames.at(frame) + DATA_AT
    if (data !== at) this.#wrong(pin, `was never dropped, and the page translates to another frame`)
    const expected = pin.content.expected(vpn)
    if (seen !== expected) this.#wrong(pin, `was never dropped, and holds ${seen} where ${expected} was written`)
  }

  #write(pin: Pin, value: number): void {
    pin.wrote = true
    pass(DMA, pin.vpn, pin.frame)
    Atomics.store(this.#w, this.#wordOf(pin), value)
  }

  #wordOf(pin: Pin): number {
    return this.#task.k.frames.at(pin.frame) + DATA_AT + this.#word
  }

  /** FREE oracle: a pinned frame is not freed. */
  #checkFrame(pin: Pin): void {
    const gen = this.#generation(pin.frame)
    if (gen !== pin.gen)
      violated('FREE', `frame ${pin.frame} was freed while it was pinned: generation ${gen}, it was ${pin.gen}`, pin)
  }

  #generation(frame: number): number {
    return Atomics.load(this.#w, this.#task.k.frames.at(frame) + FRAME.gen)
  }

  #isAttached(pin: Pin): boolean {
    return pin.content.lasting || this.#begun(pin.vpn) === pin.settled
  }

  #isOrphan(pin: Pin): boolean {
    return Atomics.load(this.#w, this.#task.mm.log(pin.vpn, PAGE_LOG.zap_ended)) > pin.begun
  }

  #begun(vpn: number): number {
    return Atomics.load(this.#w, this.#task.mm.log(vpn, PAGE_LOG.zap_begun))
  }

  /** Drops begun so far, if all of them have ended; else -1. */
  #settled(vpn: number): number {
    const begun = this.#begun(vpn)
    return Atomics.load(this.#w, this.#task.mm.log(vpn, PAGE_LOG.zap_ended)) === begun ? begun : -1
  }

  #wrongPage(vpn: number, frame: number, what: string): never {
    violated('DATA', `page ${vpn} of mm ${this.#task.home} was pinned, and what was pinned is ${what}`, { vpn, frame })
  }

  #wrong(pin: Pin, what: string): never {
    const { vpn, frame, foll, gen, settled, begun } = pin
    violated('DATA', `page ${vpn} of mm ${this.#task.home}, pinned by cpu ${this.#word} as frame ${frame}: ${what}`, {
      vpn,
      frame,
      foll,
      gen,
      settled,
      begun,
    })
  }
}
