/** Locks: a call that blocks goes only in a state in which it need not. */
import type { Model } from '../model.ts'

const FREE = -1

/** `lock()`, `tryLock() → whether`, `unlock()`. Whoever locked it unlocks it: the state is the number of that thread, or -1. */
export function mutex(): Model<number> {
  return {
    name: 'a mutex',
    operations: ['lock', 'tryLock', 'unlock'],
    initial: FREE,
    apply: (owner, { operation, thread }) => {
      switch (operation) {
        case 'lock':
          return owner === FREE ? { state: thread } : undefined
        case 'tryLock':
          return owner === FREE ? { state: thread, returns: true } : { state: owner, returns: false }
        default:
          return owner === thread ? { state: FREE } : undefined
      }
    },
  }
}

/** `acquire(n)`, `tryAcquire(n) → whether`, `release(n)`, where n left out is 1. The state is the permits that are left. */
export function semaphore({ permits }: { readonly permits: number }): Model<number> {
  return {
    name: `a semaphore of ${permits}`,
    operations: ['acquire', 'tryAcquire', 'release'],
    initial: permits,
    apply: (left, { operation, args: [n = 1] }) => {
      switch (operation) {
        case 'acquire':
          return left >= n ? { state: left - n } : undefined
        case 'tryAcquire':
          return left >= n ? { state: left - n, returns: true } : { state: left, returns: false }
        default:
          return { state: left + n }
      }
    },
  }
}
