import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'rwsem-wake-before-clear',
  title: 'readers are woken before their task is cleared, and sleep for ever',
  story: `Who grants the lock to sleeping readers clears each one's task and then wakes it; a reader sleeps until its
    task is clear. The mutant wakes first. The reader runs at once, finds its task still set, takes the wake-up for a
    stray one and sleeps again; then the task is cleared, and nobody will wake it any more: it sleeps owning a lock
    that no writer gets. The kernel's mark_wake is in two passes, with a release between clearing and waking, because
    of this.`,
  source: 'the protocol of Linux, kernel/locking/rwsem.c, rwsem_mark_wake()',
  scenarios: ['rwsem'],
  site: 'rwsem.wake-readers',
  oracle: 'HANG',
  hardness: 'E',
})
