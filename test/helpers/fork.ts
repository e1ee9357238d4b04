/** An address space and the children that CPU 1 makes of it. */
import type { PolicyName } from '../../lib/mm/policy/policy.ts'
import { Machine, PRIVATE } from './memory.ts'

/** One address space exists, with private pages [8, 24). */
export function machine(policy: PolicyName = 'vma-lock'): Machine {
  const m = new Machine(policy, { mms: 5, firstMms: 1, vmas: 64 })
  m.on(0, task => task.mmap(0, 8, 24, PRIVATE))
  return m
}

/** CPU 1 goes to a child of where CPU 0 is; who ends the child is left to `bury`. */
export function child(m: Machine): number {
  const id = m.on(0, task => task.fork())
  go(m, 1, id)
  return id
}

export const go = (m: Machine, cpu: number, id: number) => m.on(cpu, task => task.switchMm(id))

/** CPU 1 leaves, and the children end. */
export function bury(m: Machine, ...ids: number[]): void {
  go(m, 1, 0)
  for (const id of ids) m.on(0, task => task.exit(id))
}
