/** A thread that moves bundles: those of its own share, so that it knows where every page is. */
import { dropBegins, dropEnds } from '../../lib/check/moving-stamps.ts'
import { DONE, ENOMEM } from '../../lib/mm/call/mmap.ts'
import { ANYWHERE, STAY } from '../../lib/mm/call/mremap.ts'
import { FAULT_SEGV } from '../../lib/mm/fault/fault-codes.ts'
import {
  type Bundle,
  bundlesOf,
  type Context,
  FILE,
  FILE_KIND,
  fileOffset,
  heapStart,
  PRIVATE_KIND,
} from './bundles.ts'
import type { Tally } from './tally.ts'

const NOWHERE = -1

/** Pages of the mapping that wanders, and how many times as long it may get. */
const WANDERER = 3
const LONGEST = 7

export class Mover {
  readonly #context: Context
  readonly #tally: Tally
  readonly #mine: readonly Bundle[]
  /** Of each bundle, the place at which each page lies; of those that leave VMAs behind one of them. */
  readonly #where = new Map<Bundle, Int32Array>()
  readonly #pages: number
  #wanderer = NOWHERE
  #length = 0
  /** What the mapping that wanders was last filled with. */
  #fill = 0
  #moved = 0
  #failed = 0

  constructor(context: Context, tally: Tally) {
    const { params, shared, index } = context
    this.#context = context
    this.#tally = tally
    this.#pages = params['bundle-pages']
    this.#mine = bundlesOf(params).filter((_, n) => n % shared.threads.mover === index)
    for (const bundle of this.#mine) this.#where.set(bundle, new Int32Array(this.#pages).fill(bundle.places[0]))
  }

  /** One operation. */
  step(): void {
    const { params, random, local } = this.#context
    const { task } = local
    const { k } = task
    task.switchMm(random.below(100) < params.abroad ? 1 : 0)
    if (random.below(100) < params.failures) k.shouldFail = () => random.oneIn(4)
    this.#operate()
    k.shouldFail = () => false
  }

  /** Before memory of address space 0 is used. */
  goHome(): void {
    this.#context.local.task.switchMm(0)
  }

  report(): void {
    const { count } = this.#context
    if (this.#moved > 0) count('moves', this.#moved)
    if (this.#failed > 0) count('moves.refused', this.#failed)
    this.#moved = 0
    this.#failed = 0
  }

  #operate(): void {
    const { params, random } = this.#context
    const { move, drop, remap, resize, protect, brk, wander } = params
    const ofBundles = move + drop + remap + resize + protect
    const draw = random.below(Math.max(1, ofBundles + brk + wander))
    if (draw >= ofBundles && brk + wander > 0) {
      if (draw < ofBundles + brk) this.#brk()
      else this.#wander()
      return
    }
    if (this.#mine.length === 0) return
    const bundle = this.#mine[random.below(this.#mine.length)]
    const { from, to } = this.#piece(bundle)
    if (draw < move) this.#move(bundle, from, to)
    else if (draw < move + drop) this.#drop(bundle, from, to)
    else if (draw < move + drop + remap) this.#remap(bundle)
    else if (draw < move + drop + remap + resize) this.#resize(bundle, from, to)
    else this.#protect(bundle, from, to)
  }

  /** Pages [from, to) of a bundle that lie side by side at one place: all that do, mostly, or some of them. */
  #piece(bundle: Bundle): { from: number; to: number } {
    const { params, random } = this.#context
    const where = this.#where.get(bundle)!
    let from = random.below(this.#pages)
    let to = from + 1
    while (from > 0 && where[from - 1] === where[to - 1]) from--
    while (to < this.#pages && where[to] === where[from]) to++
    if (random.below(100) < params.pieces) {
      const length = 1 + random.below(to - from)
      from += random.below(to - from - length + 1)
      to = from + length
    }
    return { from, to }
  }

  #move(bundle: Bundle, from: number, to: number): void {
    const { params, random, local } = this.#context
    const where = this.#where.get(bundle)!
    const old = where[from]
    const place = bundle.places[random.below(bundle.places.length)]
    if (old === place) return
    if (old === NOWHERE) {
      this.#map(bundle, from, to, place)
      return
    }
    const keep = bundle.kind !== PRIVATE_KIND && random.below(100) < params.keep
    const result = local.task.mremap(0, old + from, old + to, { pages: to - from, to: place + from, keep })
    this.#tally.changed(result < 0 ? -result : DONE)
    if (result < 0) this.#failed++
    else this.#moved++
    if (result >= 0) where.fill(place, from, to)
  }

  #map(bundle: Bundle, from: number, to: number, place: number): void {
    const { local, params } = this.#context
    const object = bundle.kind === FILE_KIND ? FILE : 0
    const offset = object === 0 ? 0 : fileOffset(bundle, params) + from
    const result = local.task.mmap(0, place + from, place + to, { write: true, object, offset })
    this.#tally.changed(result)
    if (result === DONE) this.#where.get(bundle)!.fill(place, from, to)
  }

  /** Does something that takes the content of pages away; of a file nothing is lost by it. */
  #dropping(bundle: Bundle, from: number, to: number, act: () => boolean): void {
    const { shared } = this.#context
    if (bundle.kind !== PRIVATE_KIND) {
      act()
      return
    }
    const drops = Array.from({ length: to - from }, (_, n) => dropBegins(shared.drops, bundle.first + from + n))
    const hit = act()
    for (const [n, drop] of drops.entries()) dropEnds(shared.drops, bundle.first + from + n, drop, hit)
  }

  #drop(bundle: Bundle, from: number, to: number): void {
    const place = this.#where.get(bundle)![from]
    if (place === NOWHERE) return
    this.#dropping(bundle, from, to, () => {
      const result = this.#context.local.task.dontneed(0, place + from, place + to)
      this.#tally.changed(result)
      return result === DONE
    })
  }

  /** Unmaps a bundle wherever it is, and maps it anew. */
  #remap(bundle: Bundle): void {
    const { local, random } = this.#context
    const where = this.#where.get(bundle)!
    this.#dropping(bundle, 0, this.#pages, () => {
      let all = true
      for (const place of bundle.places) {
        const result = local.task.munmap(0, place, place + this.#pages)
        this.#tally.changed(result)
        if (result === DONE) for (let n = 0; n < this.#pages; n++) where[n] = where[n] === place ? NOWHERE : where[n]
        else all = false
      }
      return all
    })
    if (where.every(place => place === NOWHERE))
      this.#map(bundle, 0, this.#pages, bundle.places[random.below(bundle.places.length)])
  }

  /** Gives up the tail of a piece and lets it grow again; the file's pages are found again, private ones are new. */
  #resize(bundle: Bundle, from: number, to: number): void {
    const { local, random } = this.#context
    const place = this.#where.get(bundle)![from]
    if (place === NOWHERE || to - from < 2) return
    const { task } = local
    const cut = from + 1 + random.below(to - from - 1)
    this.#dropping(bundle, cut, to, () => {
      const result = task.mremap(0, place + from, place + to, { pages: cut - from, to: STAY })
      this.#tally.changed(result < 0 ? -result : DONE)
      if (result >= 0) this.#where.get(bundle)!.fill(NOWHERE, cut, to)
      return result >= 0
    })
    if (this.#where.get(bundle)![cut] !== NOWHERE) return
    const result = task.mremap(0, place + from, place + cut, { pages: to - from, to: STAY })
    this.#tally.changed(result < 0 ? -result : DONE)
    if (result >= 0) this.#where.get(bundle)!.fill(place, cut, to)
  }

  #protect(bundle: Bundle, from: number, to: number): void {
    const { local, random } = this.#context
    const place = this.#where.get(bundle)![from]
    if (place === NOWHERE) return
    const { task } = local
    const write = random.oneIn(2)
    this.#tally.changed(task.mprotect(0, place + from, place + to, write))
  }

  #brk(): void {
    const { params, random, local } = this.#context
    const to = heapStart(params) + random.below(params.heap + 1)
    this.#tally.changed(local.task.brk(0, to) === to ? DONE : ENOMEM)
  }

  /** Lets a mapping of address space 1 grow or shrink, and looks whether it holds what it held. */
  #wander(): void {
    const { local, random, fail } = this.#context
    const { task } = local
    task.switchMm(1)
    if (this.#wanderer === NOWHERE) {
      this.#wanderer = this.#findRoom()
      this.#length = this.#wanderer === NOWHERE ? 0 : WANDERER
    }
    if (this.#length > 0) {
      const end = this.#wanderer + this.#length
      const pages = this.#length >= WANDERER * LONGEST ? WANDERER : this.#length + random.below(WANDERER) + 1
      const result = task.mremap(1, this.#wanderer, end, { pages, to: ANYWHERE })
      this.#tally.changed(result < 0 ? -result : DONE)
      if (result >= 0) {
        if (result !== this.#wanderer) this.#moved++
        this.#checkWanderer(result, Math.min(this.#length, pages), fail)
        this.#wanderer = result
        this.#length = pages
        this.#fillWanderer()
      } else this.#failed++
    }
  }

  /** Room for a mapping of its own: the movers begin apart. */
  #findRoom(): number {
    const { local, index } = this.#context
    const start = 32 * index
    const { task } = local
    const result = task.mmap(1, start, start + WANDERER, { write: true, object: 0, offset: 0 })
    this.#tally.changed(result)
    return result === DONE ? start : NOWHERE
  }

  #checkWanderer(start: number, length: number, fail: Context['fail']): void {
    const { task } = this.#context.local
    for (let n = 0; n < length && this.#fill > 0; n++) {
      const data = task.access(start + n, false)
      if (data < 0) {
        if (-data === FAULT_SEGV)
          fail(`page ${n} of the wandering mapping at ${start} cannot be read`, { oracle: 'DATA' })
        continue
      }
      const seen = Atomics.load(task.k.w, data + task.k.cpu.id)
      task.accessed(start + n)
      if (seen !== this.#fill + n)
        fail(`page ${n} of the wandering mapping, now at ${start}, holds ${seen} in place of ${this.#fill + n}`, {
          oracle: 'DATA',
        })
    }
  }

  #fillWanderer(): void {
    const { task } = this.#context.local
    this.#fill += LONGEST * WANDERER * 2
    for (let n = 0; n < this.#length; n++) {
      const data = task.access(this.#wanderer + n, true)
      if (data < 0) {
        this.#fill = 0
        return
      }
      Atomics.store(task.k.w, data + task.k.cpu.id, this.#fill + n)
      task.accessed(this.#wanderer + n)
    }
  }
}
