/** A sound memory with some of everything in it, and the cells of it that tests damage. */
import type { Test } from 'tap'
import type { OracleViolation } from '../../lib/check/oracle.ts'
import { PCP } from '../../lib/mm/layout.ts'
import { objectAt } from '../../lib/shm/arena.ts'
import { Machine, PRIVATE, READ_ONLY, SHARED } from './memory.ts'

/** Pages of address space 0, by what they are. */
export const WRITTEN = 8
export const ZERO = 10
export const UNTOUCHED = 11
export const PROTECTED = 24
/** Page 1 of the object, written through here, read through `SEEN` of address space 1. */
export const COMMON = 41
export const SEEN = 61
export const HOLE = 14

export function sound(): Machine {
  const m = new Machine('vma-lock', {}, [0, 1])
  m.on(0, task => {
    task.mmap(0, 8, 12, PRIVATE)
    task.mmap(0, 24, 28, PRIVATE)
    task.mmap(0, 40, 44, SHARED)
    task.mmap(1, 60, 64, SHARED)
    task.mmap(1, 8, 12, READ_ONLY)
  })
  for (const vpn of [WRITTEN, WRITTEN + 1, PROTECTED, COMMON]) m.write(0, vpn, vpn)
  m.read(0, ZERO)
  m.read(1, SEEN)
  m.on(0, task => task.mprotect(0, 24, 28, false))
  return m
}

export interface Damage {
  readonly what: string
  readonly oracle: string
  /** In the message: the name of the cell, or of what it belongs to. */
  readonly names: RegExp
  readonly damage: (m: Machine) => void
}

export const add = (m: Machine, at: number, value: number) => Atomics.add(m.w, at, value)
export const set = (m: Machine, at: number, value: number) => Atomics.store(m.w, at, value)
export const clear = (m: Machine, at: number, bits: number) => Atomics.and(m.w, at, ~bits)
export const frameCell = (m: Machine, vpn: number, field: number) => m.k.frames.at(m.frameOf(0, vpn)) + field
export const mmCell = (m: Machine, field: number) => objectAt(m.memory.mms, 0) + field
export const tlbCell = (m: Machine, field: number) => objectAt(m.memory.mmTlbs, 0) + field
export const vmaCell = (m: Machine, field: number) => m.vmas()[0] + field
export const node = (m: Machine) => Atomics.load(m.w, m.mm(0).root)
export const pcp = (m: Machine) => objectAt(m.memory.pcps, 0) + PCP.count
export const topFree = (m: Machine) => Atomics.load(m.w, pcp(m) + Atomics.load(m.w, pcp(m)))

export function shouldName(
  t: Test,
  violation: OracleViolation | undefined,
  { what, oracle, names }: Omit<Damage, 'damage'>,
) {
  t.equal(violation?.oracle, oracle, what)
  t.match(violation?.message, names)
}
