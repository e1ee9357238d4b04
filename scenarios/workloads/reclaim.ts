/**
 * Safe memory reclamation under load: updaters replace elements and retire the old ones, and readers look at what they
 * find for a while, now and then for long. An element that is freed under a reader changes its generation.
 */
import { violated } from '../../lib/check/oracle.ts'
import { ArenaBuilder, type ArenaImage, type Region } from '../../lib/shm/arena.ts'
import { CPU, Cpu, cpuRegion } from '../../lib/shm/cpu.ts'
import { struct } from '../../lib/shm/layout.ts'
import { initSlab, Slab, type SlabImage, slabRegion } from '../../lib/shm/slab.ts'
import type { Conclusion, ParamSpecs, Random, RunContext } from '../../torture/scenario.ts'
import { allOf } from './tokens.ts'

const ELEMENT = struct('element', {
  value: 'differs with every use of the element',
  complement: 'its complement: stored after it',
})
const CURRENT = struct('current', { element: 'base of the element that readers find' })

/** How one thread protects what it looks at, and frees what it has unlinked. */
export interface Reclaimer {
  /** The element that a cell names, which stays until `release`. */
  protect(at: number): number
  release(): void
  /** Does what a section inside the section does, where there is such a thing. */
  nest?(): void
  /** Frees an element that was unlinked, some time after `release`. */
  retire(element: number): void
  /** Called when there is no memory: frees what can be freed. */
  reclaim(): void
  /** The thread leaves; returns how many elements it leaves behind. */
  leave(): number
}

export interface Technique<I> {
  readonly reserve: (builder: ArenaBuilder, threads: number) => I
  readonly open: (cpu: Cpu, image: I, free: (element: number) => void) => Reclaimer
}

export interface Shared<I> {
  readonly arena: ArenaImage
  readonly cpus: Region
  readonly elements: SlabImage
  readonly current: Region
  readonly image: I
}

interface Params {
  readonly elements: number
  readonly places: number
  readonly longReadEvery: number
  readonly longReadMs: number
}

interface Opened<I> {
  readonly shared: Shared<I>
  readonly params: Params
  readonly random: Random
  readonly thread: number
}

class Local {
  readonly w: Int32Array
  readonly cpu: Cpu
  readonly slab: Slab
  readonly reclaimer: Reclaimer
  readonly #current: Region
  readonly #params: Params
  readonly #random: Random
  reads = 0
  /** Reads whose element was replaced while they looked at it: the only ones that prove anything. */
  spanned = 0
  updates = 0
  starved = 0
  #value: number
  #waste = 0

  constructor({ shared, params, random, thread }: Opened<any>, technique: Technique<any>) {
    this.w = shared.arena.words
    this.cpu = new Cpu(this.w, shared.cpus, thread)
    this.slab = new Slab(this.w, shared.elements)
    this.reclaimer = technique.open(this.cpu, shared.image, element => this.slab.free(element))
    this.#current = shared.current
    this.#params = params
    this.#random = random
    this.#value = thread << 24
  }

  #somePlace(): number {
    return this.#current.base + this.#random.below(this.#current.count) + CURRENT.element
  }

  read(): void {
    const at = this.#somePlace()
    const element = this.reclaimer.protect(at)
    const generation = this.slab.generation(element)
    const value = Atomics.load(this.w, element + ELEMENT.value)
    if (!(generation & 1)) violated('GEN', 'a reader holds an element that has been freed', { element, generation })
    this.#linger()
    this.reclaimer.nest?.()
    const complement = Atomics.load(this.w, element + ELEMENT.complement)
    const now = this.slab.generation(element)
    if (now !== generation)
      violated('GEN', 'an element was freed under a reader', { element, generation, generationNow: now })
    if (complement !== ~value) violated('GEN', 'an element changed under a reader', { value, complement })
    if (Atomics.load(this.w, at) !== element) this.spanned++
    this.reclaimer.release()
    this.reads++
  }

  update(): void {
    const fresh = this.slab.alloc()
    if (fresh === 0) {
      this.starved++
      this.reclaimer.reclaim()
      return
    }
    this.#value = (this.#value + 1) | 0
    Atomics.store(this.w, fresh + ELEMENT.value, this.#value, 'relaxed')
    Atomics.store(this.w, fresh + ELEMENT.complement, ~this.#value, 'relaxed')
    const at = this.#somePlace()
    // As in a structure in which it has to look for what it removes.
    this.reclaimer.protect(at)
    this.#dawdle()
    this.reclaimer.retire(Atomics.exchange(this.w, at, fresh))
    this.reclaimer.release()
    this.updates++
  }

  #linger(): void {
    if (this.#random.oneIn(this.#params.longReadEvery))
      Atomics.wait(this.w, this.cpu.base + CPU.nap, 0, this.#params.longReadMs)
    else this.#dawdle()
  }

  /** Loses a little time without looking at anything: what looks at a cell again and again is a spin to the explorer. */
  #dawdle(): void {
    for (let n = this.#random.below(128); n > 0; n--) this.#waste = Math.imul(this.#waste, 5) + n
  }
}

const REPORT_EVERY = 1024

const running =
  (act: (local: Local) => void) =>
  ({ local, more, count }: RunContext<Shared<any>, ParamSpecs, Local>): number[] => {
    count('reads', 0)
    let reported = 0
    while (more()) {
      act(local)
      if (local.reads - reported >= REPORT_EVERY) {
        count('reads', local.reads - reported)
        reported = local.reads
      }
    }
    count('reads', local.reads - reported)
    count('spanned', local.spanned)
    count('updates', local.updates)
    count('starved', local.starved)
    return [local.reclaimer.leave()]
  }

/**
 * A scenario but for its name and summary.
 * @param updaters more than one only where they concern each other: fewer threads are explored sooner
 */
export const reclamation = <I>(technique: Technique<I>, updaters = 1) => ({
  tags: ['lockless', 'rcu'],
  params: {
    elements: { default: 8, min: 2, max: 1000, describe: 'elements there are, beside those in place' },
    places: { default: 1, min: 1, max: 100, describe: 'places in which readers find one' },
    longReadEvery: { default: 2000, min: 1, describe: 'one read in so many is long' },
    longReadMs: { default: 1, min: 0, max: 2000, describe: 'length of a long one in milliseconds' },
  },
  setup: ({ params, threads }: { params: Params; threads: Readonly<Record<string, number>> }): Shared<I> => {
    const builder = new ArenaBuilder()
    const cpus = cpuRegion(builder, allOf(threads))
    const elements = slabRegion(builder, 'element', ELEMENT, params.elements + params.places)
    const current = builder.region('current', CURRENT, params.places)
    const image = technique.reserve(builder, allOf(threads))
    const arena = builder.build()
    initSlab(arena.words, elements)
    const slab = new Slab(arena.words, elements)
    for (let place = 0; place < params.places; place++) {
      const element = slab.alloc()
      Atomics.store(arena.words, element + ELEMENT.value, 0)
      Atomics.store(arena.words, element + ELEMENT.complement, ~0)
      Atomics.store(arena.words, current.base + place, element)
    }
    return { arena, cpus, elements, current, image }
  },
  threads: {
    reader: {
      count: 'cpus-1' as const,
      open: (opened: Opened<I>) => new Local(opened, technique),
      run: running(local => local.read()),
    },
    updater: {
      count: updaters,
      open: (opened: Opened<I>) => new Local(opened, technique),
      run: running(local => local.update()),
    },
  },
  check: ({
    shared,
    params,
    threads,
  }: {
    shared: Shared<I>
    params: Params
    threads: Readonly<Record<string, readonly number[][]>>
  }) => {
    const left = [...threads.reader, ...threads.updater].reduce((sum, [n]) => sum + n, params.places)
    const live = new Slab(shared.arena.words, shared.elements).live()
    if (live !== left) violated('TOKEN', `${left} elements are in place or still to be freed, and ${live} in use`)
  },
  inconclusive: ({ counters }: Conclusion) =>
    counters.spanned ? undefined : `0 of ${counters.reads} reads held an element while it was replaced`,
})
