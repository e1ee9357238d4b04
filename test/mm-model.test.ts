/**
 * The memory model against a model of the model: a map from page to what it is and holds. Random sequences of calls and
 * accesses, the same ones in each run of the test.
 */
import fc from 'fast-check'
import t from 'tap'
import { Stamps } from '../lib/check/stamps.ts'
import { DONE, ENOMEM } from '../lib/mm/call/mmap.ts'
import { FAULT_OK, FAULT_OOM, FAULT_SEGV } from '../lib/mm/fault/fault-codes.ts'
import { VM_SHARED, VM_WRITE, VMA } from '../lib/mm/layout.ts'
import type { MemoryOptions } from '../lib/mm/memory.ts'
import { POLICIES, type PolicyName } from '../lib/mm/policy/policy.ts'
import type { Task } from '../lib/mm/task.ts'
import { Machine } from './helpers/memory.ts'

const SEED = 20_240_611
const RUNS = 200
const STEPS = 80
/** Tables of 4 entries: they come and go. */
const PAGES = 64
const AMPLE: Partial<MemoryOptions> = {
  pages: PAGES,
  levels: 3,
  tableBits: 2,
  vmas: 160,
  mapCount: 70,
  objects: [PAGES],
}

type Step =
  | ({ readonly call: 'mmap'; readonly mm: number; readonly start: number; readonly length: number } & Mapped)
  | {
      readonly call: 'munmap' | 'dontneed' | 'forbid' | 'allow'
      readonly mm: number
      readonly start: number
      readonly length: number
    }
  | { readonly call: 'touch'; readonly mm: number; readonly vpn: number; readonly write: boolean }
type Mapped = { readonly write: boolean; readonly object: number; readonly offset: number; readonly shared: boolean }
/** A step, and on which CPU. */
type Turn = { readonly cpu: number; readonly step: Step }

const mm = fc.nat(1)
const range = { mm, start: fc.nat(PAGES - 1), length: fc.integer({ min: 1, max: 20 }) }
const turn: fc.Arbitrary<Turn> = fc.record({
  cpu: fc.nat(1),
  step: fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({
        call: fc.constant('mmap' as const),
        ...range,
        write: fc.boolean(),
        object: fc.nat(1),
        shared: fc.boolean(),
        // Few, so that shared neighbours often continue each other.
        offset: fc.constantFrom(0, 0, 0, 3),
      }),
    },
    {
      weight: 5,
      arbitrary: fc.record({ call: fc.constantFrom('munmap', 'dontneed', 'forbid', 'allow'), ...range }),
    },
    {
      weight: 12,
      arbitrary: fc.record({ call: fc.constant('touch' as const), mm, vpn: fc.nat(PAGES - 1), write: fc.boolean() }),
    },
  ),
}) as fc.Arbitrary<Turn>

const turns = fc.array(turn, { minLength: 10, maxLength: STEPS, size: 'max' })

/** What a page holds: a word for each CPU. */
type Content = [number, number]

interface Page {
  write: boolean
  /** Number of the object and of its page; 0: private. */
  readonly object: number
  readonly page: number
  /** Of an object, whether written to or copied by writing. */
  readonly shared: boolean
  content: Content
}

class Model {
  readonly spaces = [new Map<number, Page>(), new Map<number, Page>()]
  readonly #object = Array.from({ length: PAGES }, (): Content => [0, 0])

  change(step: Exclude<Step, { call: 'touch' }>, start: number, end: number): void {
    const space = this.spaces[step.mm]
    for (let vpn = start; vpn < end; vpn++) {
      const page = space.get(vpn)
      if (step.call === 'mmap') space.set(vpn, this.#map(step, vpn - start))
      else if (step.call === 'munmap') space.delete(vpn)
      else if (!page) continue
      else if (step.call === 'dontneed') page.content = this.#original(page)
      else page.write = step.call === 'allow'
    }
  }

  write(page: Page, cpu: number, value: number): void {
    if (page.object && !page.shared && page.content === this.#object[page.page]) page.content = [...page.content]
    page.content[cpu] = value
  }

  #map({ write, object, offset, shared }: Mapped, n: number): Page {
    const page = { write, object, page: object ? offset + n : 0, shared: object > 0 && shared }
    return { ...page, content: this.#original(page) }
  }

  #original({ object, page }: { object: number; page: number }): Content {
    return object ? this.#object[page] : [0, 0]
  }
}

/** Reads both words of a page, and writes to its own if asked to: the FAULT_ code, or what was read. */
function access(task: Task, vpn: number, write: boolean, value: number): number | Content {
  const at = task.access(vpn, write)
  if (at < 0) return -at
  const content: Content = [Atomics.load(task.k.w, at), Atomics.load(task.k.w, at + 1)]
  if (write) Atomics.store(task.k.w, at + task.k.cpu.id, value)
  task.accessed(vpn)
  return content
}

function call(task: Task, step: Exclude<Step, { call: 'touch' }>, start: number, end: number): number {
  switch (step.call) {
    case 'mmap':
      return task.mmap(step.mm, start, end, step)
    case 'munmap':
      return task.munmap(step.mm, start, end)
    case 'dontneed':
      return task.dontneed(step.mm, start, end)
    default:
      return task.mprotect(step.mm, start, end, step.call === 'allow')
  }
}

/** The pages of an address space as its VMAs describe them. */
function layoutOf(m: Machine, id: number): Map<number, Omit<Page, 'content'>> {
  const pages = new Map<number, Omit<Page, 'content'>>()
  for (const vma of m.vmas(id)) {
    const cell = (field: number) => Atomics.load(m.w, vma + field)
    const object = cell(VMA.object)
    for (let vpn = cell(VMA.vm_start); vpn < cell(VMA.vm_end); vpn++) {
      const page = object ? cell(VMA.vm_pgoff) + vpn - cell(VMA.vm_start) : 0
      const flags = cell(VMA.vm_flags)
      pages.set(vpn, { write: (flags & VM_WRITE) !== 0, object, page, shared: (flags & VM_SHARED) !== 0 })
    }
  }
  return pages
}

function agree(policy: PolicyName, sequence: readonly Turn[]): void {
  const m = new Machine(policy, AMPLE)
  const model = new Model()
  for (const [n, { cpu, step }] of sequence.entries()) {
    if (step.call === 'touch') {
      const page = model.spaces[step.mm].get(step.vpn)
      const allowed = page && (page.write || !step.write)
      const seen = m.on(cpu, task => {
        task.switchMm(step.mm)
        return access(task, step.vpn, step.write, n + 1)
      })
      same(seen, allowed ? page.content : FAULT_SEGV, n)
      if (allowed && step.write) model.write(page, cpu, n + 1)
    } else {
      const end = Math.min(PAGES, step.start + step.length)
      same(
        m.on(cpu, task => call(task, step, step.start, end)),
        DONE,
        n,
      )
      model.change(step, step.start, end)
      same(layoutOf(m, step.mm), pagesOf(model.spaces[step.mm]), n)
    }
  }
  for (const id of [0, 1]) {
    m.on(0, task => task.switchMm(id))
    for (let vpn = 0; vpn < PAGES; vpn++) {
      const expected = model.spaces[id].get(vpn)?.content ?? FAULT_SEGV
      same(
        m.on(0, task => access(task, vpn, false, 0)),
        expected,
        sequence.length,
      )
    }
  }
  m.endAndAudit()
}

function pagesOf(space: ReadonlyMap<number, Page>): Map<number, Omit<Page, 'content'>> {
  const sorted = [...space].sort(([a], [b]) => a - b)
  return new Map(sorted.map(([vpn, { write, object, page, shared }]) => [vpn, { write, object, page, shared }]))
}

/** Plain comparison: hundreds of thousands of assertions would be what the test takes its time for. */
function same(is: unknown, should: unknown, step: number): void {
  const text = (value: unknown) => JSON.stringify(value instanceof Map ? [...value] : value)
  if (text(is) !== text(should)) throw new Error(`step ${step}: ${text(is)} instead of ${text(should)}`)
}

/** Little of everything: calls and accesses may fail, but nothing may be lost or mixed up. */
function survive(policy: PolicyName, sequence: readonly Turn[], seen: Set<string>): void {
  const m = new Machine(policy, { ...AMPLE, vmas: 6, mapCount: 5, frames: 14 })
  const stamps = [0, 1].map(cpu => m.on(cpu, task => [0, 1].map(() => new Stamps(task, PAGES))))
  for (const [n, { cpu, step }] of sequence.entries()) {
    if (step.call === 'touch') {
      const code = m.on(cpu, task => {
        task.switchMm(step.mm)
        return stamps[cpu][step.mm].touch(step.vpn, step.write)
      })
      seen.add(`fault ${code}`)
      if (![FAULT_OK, FAULT_SEGV, FAULT_OOM].includes(code)) same(code, FAULT_OK, n)
    } else {
      const end = Math.min(PAGES, step.start + step.length)
      // Private memory only: what is shared is not dropped, and the stamps would be surprised.
      const change = step.call === 'mmap' ? { ...step, object: 0 } : step
      const result = m.on(cpu, task => call(task, change, step.start, end))
      seen.add(`call ${result}`)
      if (result !== ENOMEM) same(result, DONE, n)
    }
  }
  m.endAndAudit()
}

for (const policy of POLICIES) {
  t.test(`${policy}: ${RUNS} sequences of up to ${STEPS} steps agree with the model`, async () => {
    fc.assert(
      fc.property(turns, sequence => agree(policy, sequence)),
      { seed: SEED, numRuns: RUNS },
    )
  })

  t.test(`${policy}: ${RUNS} sequences with little memory lose nothing`, async t => {
    const seen = new Set<string>()
    fc.assert(
      fc.property(turns, sequence => survive(policy, sequence, seen)),
      { seed: SEED, numRuns: RUNS },
    )
    // All of it has happened: what is exhausted, what is refused.
    t.same([...seen].sort(), ['call 0', `call ${ENOMEM}`, 'fault 0', `fault ${FAULT_SEGV}`, `fault ${FAULT_OOM}`])
  })
}
