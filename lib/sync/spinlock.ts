/**
 * Spinlock: one word, 0 when free, the owner's number + 1 while held. Waiters spin and take interrupts meanwhile, or
 * two threads would wait for each other: one for the lock, its holder for the other's acknowledgement.
 */
import { violated } from '../check/oracle.ts'
import type { Cpu } from '../shm/cpu.ts'
import { bug, pass, site } from '../shm/sites.ts'

const SITE_FOUND_FREE = site('spinlock/found-free')
const SITE_LOCK = site('spinlock/lock')
const SITE_UNLOCK = site('spinlock/unlock')

/** Who has waited takes the lock by a store, since it has seen that it is free. */
const TEST_THEN_SET = bug('spinlock-test-then-set')
const LOCK_RELAXED = bug('spinlock-lock-relaxed')
const UNLOCK_RELAXED = bug('spinlock-unlock-relaxed')
const LOCK_ORDER = LOCK_RELAXED ? 'relaxed' : 'acquire'
const UNLOCK_ORDER = UNLOCK_RELAXED ? 'relaxed' : 'release'

/** Spins until the lock is taken. Taking it twice violates CNT. */
export function spinLock(cpu: Cpu, at: number): void {
  // Every page table's lock comes by here: a site that nobody asks for would cost more than the rest.
  if (LOCK_RELAXED) pass(SITE_LOCK, at, 0)
  if (Atomics.compareExchange(cpu.w, at, 0, cpu.id + 1, LOCK_ORDER) !== 0) spin(cpu, at)
}

/** Takes the lock if it is free (acquire). Never waits. */
export function spinTrylock(cpu: Cpu, at: number): boolean {
  return Atomics.compareExchange(cpu.w, at, 0, cpu.id + 1, 'acquire') === 0
}

/** Unlocks. Unlocking what the thread does not own violates CNT. */
export function spinUnlock(cpu: Cpu, at: number): void {
  // A compare-and-swap, where the kernel has a store: it checks the owner for less than a load and a store cost here.
  if (UNLOCK_RELAXED) pass(SITE_UNLOCK, at, 0)
  const owner = Atomics.compareExchange(cpu.w, at, cpu.id + 1, 0, UNLOCK_ORDER)
  if (owner !== cpu.id + 1) violated('CNT', `cpu ${cpu.id} unlocks spinlock ${at} that ${ownerName(owner)}`)
}

/** Whether this thread holds the lock. */
export function spinIsOwner(cpu: Cpu, at: number): boolean {
  return Atomics.load(cpu.w, at, 'relaxed') === cpu.id + 1
}

function spin(cpu: Cpu, at: number): void {
  const w = cpu.w
  const me = cpu.id + 1
  for (let n = 0; ; n++) {
    const owner = Atomics.load(w, at, 'relaxed')
    // Only swap what looks free: failing swaps would take the line away from the holder that wants to unlock.
    if (owner === 0) {
      pass(SITE_FOUND_FREE, at, n)
      if (TEST_THEN_SET) {
        Atomics.store(w, at, me)
        return
      }
      if (Atomics.compareExchange(w, at, 0, me, LOCK_ORDER) === 0) return
    }
    if (owner === me) violated('CNT', `cpu ${cpu.id} locks spinlock ${at} that it holds`)
    cpu.relax(n)
  }
}

function ownerName(owner: number): string {
  return owner === 0 ? 'is free' : `cpu ${owner - 1} holds`
}
