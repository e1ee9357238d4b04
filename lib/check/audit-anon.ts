/** The audit's part for anon_vmas: every link from both ends, every count, and that each page finds who maps it. */
import { ANON_VMA, AVC, VMA } from '../mm/layout.ts'
import type { MemoryImage } from '../mm/memory.ts'
import { Slab } from '../shm/slab.ts'
import { violated } from './oracle.ts'

export class AnonAudit {
  readonly #m: MemoryImage
  readonly #w: Int32Array
  /** The anon_vmas that each VMA is linked to. */
  readonly #linked = new Map<number, Set<number>>()
  /** VMAs by the anon_vma that is their own. */
  readonly #owners = new Map<number, number[]>()
  #links = 0

  constructor(m: MemoryImage) {
    this.#m = m
    this.#w = m.arena.words
  }

  #cell(object: number, field: number): number {
    return Atomics.load(this.#w, object + field)
  }

  /** Takes in a VMA of the store. */
  addVma(vma: number, what: string): void {
    const linked = new Set<number>()
    const slab = new Slab(this.#w, this.#m.anonVmas)
    for (
      let avc = this.#cell(vma, VMA.anon_vma_chain);
      avc !== 0;
      avc = this.#cell(avc, AVC.next_of_vma), this.#links++
    ) {
      if (this.#cell(avc, AVC.vma) !== vma) violated('REF', `a link of ${what} belongs to another VMA`)
      const anonVma = this.#cell(avc, AVC.anon_vma)
      if (!slab.isLive(anonVma)) violated('GEN', `${what} is linked to an anon_vma that was freed`)
      if (linked.has(anonVma)) violated('REF', `${what} is linked to anon_vma ${anonVma} twice`)
      linked.add(anonVma)
    }
    this.#linked.set(vma, linked)
    const own = this.#cell(vma, VMA.anon_vma)
    if (own === 0) return
    if (!linked.has(own)) violated('REF', `${what} has an anon_vma that it is not linked to`)
    this.#owners.set(own, [...(this.#owners.get(own) ?? []), vma])
  }

  /** A page of private memory that a VMA maps: it must find the VMA. */
  addPage(vma: number, mapping: number, what: string): void {
    if (!this.#linked.get(vma)?.has(mapping))
      violated('GEN', `${what} names anon_vma ${mapping}, which its VMA is not linked to`)
  }

  /** With all VMAs taken in: the same from the other end. Returns how many anon_vmas and links there ought to be. */
  finish(): { readonly anonVmas: number; readonly links: number } {
    const known = new Set([...this.#linked.values()].flatMap(linked => [...linked]))
    for (const anonVma of known) known.add(this.#cell(anonVma, ANON_VMA.root))
    const children = new Map<number, number>()
    for (const anonVma of known) {
      const parent = this.#cell(anonVma, ANON_VMA.parent)
      if (this.#cell(anonVma, ANON_VMA.chain) !== 0) children.set(parent, (children.get(parent) ?? 0) + 1)
    }
    for (const anonVma of known) this.#check(anonVma, children.get(anonVma) ?? 0, known)
    return { anonVmas: known.size, links: this.#links }
  }

  #check(anonVma: number, children: number, known: ReadonlySet<number>): void {
    const what = `anon_vma ${anonVma}`
    let links = 0
    for (let avc = this.#cell(anonVma, ANON_VMA.chain); avc !== 0; avc = this.#cell(avc, AVC.next), links++) {
      if (!this.#linked.get(this.#cell(avc, AVC.vma))?.has(anonVma))
        violated('GEN', `${what} is linked to a VMA that is not there any more`)
    }
    const expected = [...this.#linked.values()].filter(linked => linked.has(anonVma)).length
    expect('REF', `links of ${what}`, links, expected)
    const owners = this.#owners.get(anonVma) ?? []
    expect('REF', `num_active_vmas of ${what}`, this.#cell(anonVma, ANON_VMA.num_active_vmas), owners.length)
    expect('REF', `num_children of ${what}`, this.#cell(anonVma, ANON_VMA.num_children), children)
    expect('CNT', `lock of ${what}`, this.#cell(anonVma, ANON_VMA.lock), 0)
    const family = [...known].filter(other => this.#cell(other, ANON_VMA.root) === anonVma && other !== anonVma)
    const own = links > 0 ? 1 : 0
    expect('REF', `refcount of ${what}`, this.#cell(anonVma, ANON_VMA.refcount), own + family.length)
    // Merging takes VMAs with the same anon_vma for VMAs with the same links.
    for (const vma of owners.slice(1))
      if (!sameSet(this.#linked.get(vma)!, this.#linked.get(owners[0])!))
        violated('GEN', `two VMAs have ${what} for their own, and are linked to different ancestors`)
  }
}

const sameSet = (a: ReadonlySet<number>, b: ReadonlySet<number>) => a.size === b.size && [...a].every(x => b.has(x))

function expect(oracle: string, what: string, is: number, should: number): void {
  if (is !== should) violated(oracle, `${what} is ${is}, and should be ${should}`)
}
