/** The audit's part for objects and files: who maps them, from both ends, and that nothing written is lost. */
import { DISK_DATA_AT, FRAME, OBJECT, PG_DIRTY, PG_WRITEBACK, VMA } from '../mm/layout.ts'
import { DATA_AT, type MemoryImage } from '../mm/memory.ts'
import { objectAt } from '../shm/arena.ts'
import { violated } from './oracle.ts'

export class ObjectAudit {
  readonly #m: MemoryImage
  /** The VMAs of each object, as the address spaces have them. */
  readonly #vmas: readonly Set<number>[]

  constructor(m: MemoryImage) {
    this.#m = m
    this.#vmas = m.objects.map(() => new Set())
  }

  #cell(at: number): number {
    return Atomics.load(this.#m.arena.words, at)
  }

  /** Takes in a VMA of the store. */
  addVma(vma: number): void {
    const object = this.#cell(vma + VMA.object)
    if (object !== 0) this.#vmas[object - 1].add(vma)
  }

  /**
   * With all VMAs taken in: the lists, and the pages.
   * @param dirty whether an entry that maps the frame is dirty
   * @param cached called for each page of an object, which holds a reference of it
   */
  finish(dirty: (frame: number) => boolean, cached: (frame: number) => void): void {
    for (const [n, { base }] of this.#m.objects.entries()) {
      this.#checkList(n, base)
      for (let page = 0; page < this.#cell(base + OBJECT.size); page++) {
        const frame = this.#cell(base + OBJECT.size + 1 + page)
        if (frame === 0) continue
        cached(frame)
        this.#checkPage(n, page, frame, dirty(frame))
      }
    }
  }

  #checkList(n: number, base: number): void {
    expect('CNT', `object_${n}.i_mmap_lock`, this.#cell(base + OBJECT.i_mmap_lock), 0)
    const missing = new Set(this.#vmas[n])
    let at = base + OBJECT.i_mmap
    for (let vma = this.#cell(at); vma !== 0; vma = this.#cell(at)) {
      if (!missing.delete(vma)) violated('GEN', `object_${n} lists a VMA that is not there, or lists it twice`)
      expect('REF', `i_mmap_pprev of a VMA of object_${n}`, this.#cell(vma + VMA.i_mmap_pprev), at)
      at = vma + VMA.i_mmap_next
    }
    if (missing.size > 0) violated('REF', `object_${n} does not list ${missing.size} of the VMAs that map it`)
  }

  #checkPage(n: number, page: number, frame: number, dirtyEntry: boolean): void {
    const at = objectAt(this.#m.frames, frame)
    const flags = this.#cell(at + FRAME.flags)
    expect('CNT', `frame[${frame}].flags & PG_writeback`, flags & PG_WRITEBACK, 0)
    expect('REF', `object of frame[${frame}]`, -this.#cell(at + FRAME.mapping), n + 1)
    expect('REF', `page of frame[${frame}]`, this.#cell(at + FRAME.index), page)
    if (flags & PG_DIRTY || dirtyEntry) return
    const file = n - (this.#m.objects.length - this.#m.disks.length)
    for (let word = 0; word < this.#m.options.cpus; word++) {
      const stored = file < 0 ? 0 : this.#cell(objectAt(this.#m.disks[file], page) + DISK_DATA_AT + word)
      if (this.#cell(at + DATA_AT + word) !== stored)
        violated('DATA', `shared frame ${frame} was written to, and neither it nor an entry is marked dirty`)
    }
  }
}

function expect(oracle: string, what: string, is: number, should: number): void {
  if (is !== should) violated(oracle, `${what} is ${is}, and should be ${should}`)
}
