/**
 * Several CPUs of the memory model in one thread. Only one of them runs at a time, the others are parked and so never
 * waited for: what a test says happens one after the other, and nothing else does.
 */
import { audit } from '../../lib/check/audit.ts'
import { OracleViolation } from '../../lib/check/oracle.ts'
import type { Kernel } from '../../lib/mm/kernel.ts'
import { BUDDY, FRAME, PCP, PTE_FRAME_SHIFT, VM_SHARED, VM_WRITE, VMA } from '../../lib/mm/layout.ts'
import { createMemory, type MemoryImage, type MemoryOptions } from '../../lib/mm/memory.ts'
import type { Mm } from '../../lib/mm/mm.ts'
import type { PolicyName } from '../../lib/mm/policy/policy.ts'
import { findPmd } from '../../lib/mm/table/page-table.ts'
import { ptep } from '../../lib/mm/table/pte.ts'
import { Task } from '../../lib/mm/task.ts'
import { eachRange } from '../../lib/mm/vma/vma-store.ts'
import { objectAt } from '../../lib/shm/arena.ts'

export const SMALL: Partial<MemoryOptions> = {
  cpus: 2,
  frames: 256,
  mms: 2,
  pages: 512,
  levels: 3,
  tableBits: 3,
  vmas: 32,
  mapCount: 16,
  objects: [64],
}

export const PRIVATE = { write: true, object: 0, offset: 0 }
export const READ_ONLY = { write: false, object: 0, offset: 0 }
export const SHARED = { write: true, object: 1, offset: 0 }

/** A VMA as a person would draw it. */
export interface Drawn {
  readonly start: number
  readonly end: number
  readonly write: boolean
  readonly shared: boolean
}

export class Machine {
  readonly memory: MemoryImage
  readonly w: Int32Array
  readonly #tasks: readonly Task[]
  /** Whether new pages stay in their CPU's batch after an operation, which then holds a reference of each. */
  keepsBatches = false

  /** One task for each CPU; task n begins in address space `homes[n]`, by default 0. */
  constructor(policy: PolicyName, options: Partial<MemoryOptions> = {}, homes: readonly number[] = []) {
    this.memory = createMemory({ ...SMALL, ...options })
    this.w = this.memory.arena.words
    this.#tasks = Array.from(
      { length: this.memory.options.cpus },
      (_, id) => new Task(this.memory, id, policy, homes[id] ?? 0),
    )
    for (const task of this.#tasks) {
      task.begin()
      task.k.cpu.idle()
    }
  }

  /** Runs something on one CPU while the others sleep. */
  on<T>(cpu: number, act: (task: Task) => T): T {
    const task = this.#tasks[cpu]
    task.k.cpu.run()
    try {
      return act(task)
    } finally {
      if (!this.keepsBatches) task.k.frames.drainLru()
      task.k.cpu.idle()
    }
  }

  /** As `on`, in the middle of something that CPU 0 does: it stays where it is, and its TLB is empty. */
  intrude<T>(cpu: number, act: (task: Task) => T): T {
    const [first] = this.#tasks
    const { cpumask } = first.mm
    first.k.tlb.flush()
    // Nobody asks for what has no translations: CPU 0 could not answer, being in the same thread.
    Atomics.and(this.w, cpumask, ~1)
    try {
      return this.on(cpu, act)
    } finally {
      Atomics.or(this.w, cpumask, 1)
    }
  }

  get k(): Kernel {
    return this.#tasks[0].k
  }

  mm(id: number): Mm {
    return this.k.mms[id]
  }

  /** Reads a word of a page, by default the CPU's own; negative FAULT_ code when that fails. */
  read(cpu: number, vpn: number, word = cpu): number {
    return this.on(cpu, task => {
      const at = task.access(vpn, false)
      if (at < 0) return at
      const value = Atomics.load(this.w, at + word)
      task.accessed(vpn)
      return value
    })
  }

  /** Writes to the CPU's word of a page; 0 or the negative FAULT_ code. */
  write(cpu: number, vpn: number, value: number): number {
    return this.on(cpu, task => {
      const at = task.access(vpn, true)
      if (at < 0) return at
      Atomics.store(this.w, at + cpu, value)
      task.accessed(vpn)
      return 0
    })
  }

  /** Word of the entry of a page; its leaf table must exist. */
  entry(mm: number, vpn: number): number {
    const pmd = findPmd(this.k, this.mm(mm), vpn)
    return ptep(this.k, Atomics.load(this.w, pmd), vpn)
  }

  /** The entry of a page, 0 also where there is no table. */
  pte(mm: number, vpn: number): number {
    const pmd = findPmd(this.k, this.mm(mm), vpn)
    if (pmd === 0 || Atomics.load(this.w, pmd) === 0) return 0
    return Atomics.load(this.w, this.entry(mm, vpn))
  }

  frameOf(mm: number, vpn: number): number {
    return this.pte(mm, vpn) >>> PTE_FRAME_SHIFT
  }

  /** A cell of a frame. */
  frame(frame: number, field: 'refcount' | 'mapcount' | 'flags' | 'gen'): number {
    return Atomics.load(this.w, this.k.frames.at(frame) + FRAME[field])
  }

  freeFrames(): number {
    const { pcps, buddy, options } = this.memory
    let free = Atomics.load(this.w, buddy.base + BUDDY.count)
    for (let cpu = 0; cpu < options.cpus; cpu++) free += Atomics.load(this.w, objectAt(pcps, cpu) + PCP.count)
    return free
  }

  /** The VMAs of an address space, by their words. */
  vmas(mm = 0): number[] {
    const words: number[] = []
    eachRange(this.k, this.mm(mm), (_start, _end, vma) => words.push(vma))
    return words
  }

  draw(mm = 0): Drawn[] {
    const cell = (vma: number, field: number) => Atomics.load(this.w, vma + field)
    return this.vmas(mm).map(vma => ({
      start: cell(vma, VMA.vm_start),
      end: cell(vma, VMA.vm_end),
      write: (cell(vma, VMA.vm_flags) & VM_WRITE) !== 0,
      shared: (cell(vma, VMA.vm_flags) & VM_SHARED) !== 0,
    }))
  }

  /** The VMAs' borders only. */
  borders(mm = 0): number[][] {
    return this.draw(mm).map(({ start, end }) => [start, end])
  }

  /** All tasks end; the machine is at rest and does not run again. */
  end(): void {
    for (const task of this.#tasks) {
      task.k.cpu.run()
      task.end()
    }
  }

  /** Ends, and counts everything again. */
  endAndAudit(): void {
    this.end()
    audit(this.memory)
  }
}

/** The violation that an act ends in; undefined if it ends well. */
export function violationOf(act: () => void): OracleViolation | undefined {
  try {
    act()
  } catch (error) {
    if (error instanceof OracleViolation) return error
    throw error
  }
  return undefined
}
