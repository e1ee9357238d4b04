/** What grace periods are tortured by: a flavour of RCU, what its threads share, and what each of them can do. */
import type { ArenaBuilder, ArenaImage, Region } from '../../lib/shm/arena.ts'
import { Cpu } from '../../lib/shm/cpu.ts'
import type { OpenContext, Random } from '../../torture/scenario.ts'

/** What a flavour can do, as rcutorture's `rcu_torture_ops`. */
export interface Flavour {
  /** Opens a section; returns what `readUnlock` wants back. Sections nest, and need not end in their order. */
  readLock(): number
  readUnlock(section: number): void
  synchronize(): void
  startPoll(): number
  polled(cookie: number): boolean
  call(fn: (arg: number) => void, arg: number): void
  poll(): void
  barrier(): void
  gracePeriods(): number
}

/** How a flavour is made; `I` is its image. */
export interface Suite<I> {
  /**
   * Whether sections that overlap make one: whether what was found in the first may be used until the last is closed.
   * Where each section is counted for itself, a grace period need not wait for one that opens while it is under way.
   */
  readonly extends: boolean
  /** Whether readers may go to sleep in a section, as far as the CPU is concerned. */
  readonly sleepable: boolean
  readonly reserve: (builder: ArenaBuilder, cpus: number) => I
  readonly open: (cpu: Cpu, image: I, params: any) => Flavour
}

export interface Shared {
  readonly arena: ArenaImage
  readonly cpus: Region
  readonly image: any
  readonly elements: Region
  readonly current: Region
}

export interface Params {
  readonly longReadEvery: number
  readonly longReadMs: number
  readonly shortReadEvery: number
  readonly floodCallbacks: number
  readonly floodMs: number
}

export type Open = Omit<OpenContext<Shared, any>, 'params'> & { readonly params: Params }

export class Local {
  readonly w: Int32Array
  readonly cpu: Cpu
  readonly rcu: Flavour
  readonly shared: Shared
  readonly params: Params
  readonly random: Random
  readonly readers: number

  constructor({ shared, params, random, thread, threads }: Open, suite: Suite<any>) {
    this.w = shared.arena.words
    this.cpu = new Cpu(this.w, shared.cpus, thread)
    this.rcu = suite.open(this.cpu, shared.image, params)
    this.shared = shared
    this.params = params
    this.random = random
    this.readers = threads.reader
  }

  /** Waits for a grace period in one of the ways there are, other than a callback. */
  awaitGracePeriod(): void {
    if (this.random.oneIn(2)) {
      this.rcu.synchronize()
      return
    }
    const cookie = this.rcu.startPoll()
    for (let n = 0; !this.rcu.polled(cookie); n++) this.cpu.relax(n)
  }
}
