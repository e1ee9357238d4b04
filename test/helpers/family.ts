/** A family of address spaces, and the oracle of fork in two threads that come and go between them. */
import type { Test } from 'tap'
import { Lineage } from '../../lib/check/lineage.ts'
import { PTE_FRAME_SHIFT } from '../../lib/mm/layout.ts'
import { DATA_AT } from '../../lib/mm/memory.ts'
import type { Task } from '../../lib/mm/task.ts'
import { Machine, PRIVATE, violationOf } from './memory.ts'

/** Writes that a thread remembers. */
export const REMEMBERED = 1 << 16

/** Thread 0 is the one whose words are looked at; thread 1 forks and drops. */
export class Family {
  readonly m = new Machine('vma-lock', { mms: 5, firstMms: 1, vmas: 64 })
  readonly #lineages: readonly Lineage[]

  constructor() {
    this.m.on(0, task => task.mmap(0, 8, 24, PRIVATE))
    this.#lineages = [0, 1].map(cpu => this.m.on(cpu, task => new Lineage(task)))
    for (const cpu of [0, 1]) this.m.on(cpu, () => this.#lineages[cpu].arrive())
  }

  on<T>(cpu: number, act: (lineage: Lineage, task: Task) => T): T {
    return this.m.on(cpu, task => act(this.#lineages[cpu], task))
  }

  /** Whether the address space is ready for who goes there. */
  go(cpu: number, id: number): boolean {
    return this.on(cpu, (lineage, task) => task.switchMm(id) && lineage.arrive())
  }

  /** Thread 0 writes; returns the number that the page holds now. */
  write(vpn: number): number {
    const code = this.on(0, lineage => lineage.touch(vpn, true))
    if (code !== 0) throw new Error(`page ${vpn}: ${code}`)
    return this.m.read(0, vpn)
  }

  look(vpn: number): number {
    return this.on(0, lineage => lineage.touch(vpn, false))
  }

  /** Thread 1 forks the address space that it is in; returns the child. */
  fork(): number {
    return this.on(1, lineage => lineage.fork())
  }

  drop(id: number, vpn: number): void {
    this.m.on(1, task => task.dontneed(id, vpn, vpn + 1))
  }

  /** Makes thread 0's word of a page hold something, in the frame that is mapped there. */
  damage(id: number, vpn: number, value: number): void {
    const { m } = this
    // By itself, so that nobody else who maps the frame is damaged.
    m.on(1, task => {
      const before = task.home
      task.switchMm(id)
      task.access(vpn, true)
      task.accessed(vpn)
      task.switchMm(before)
    })
    Atomics.store(m.w, m.k.frames.at(m.pte(id, vpn) >>> PTE_FRAME_SHIFT) + DATA_AT, value)
  }

  /** Thread 0 looks at a page in which it must find something wrong. */
  finds(t: Test, vpn: number, oracle: string, message: RegExp): void {
    const violation = violationOf(() => this.look(vpn))
    t.equal(violation?.oracle, oracle, violation?.message ?? 'silence')
    t.match(violation?.message, message)
  }

  /** Everybody goes home, and the children end. */
  end(...ids: number[]): void {
    for (const cpu of [0, 1]) this.go(cpu, 0)
    for (const id of ids) this.m.on(1, task => task.exit(id))
    this.m.endAndAudit()
  }
}
