import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'qspinlock-head-ignores-pending',
  title: "the head of a queued spinlock's queue enters beside who is pending",
  story: `The head of the queue waits until the lock is free and nobody is pending: the pending thread came first, and is
    about to turn its bit into the owner's. The mutant waits for the owner's bit only. In the moment between the
    owner's leaving and the pending one's entering it takes the lock, and the pending one, which has seen the owner
    go, enters as well.`,
  source: 'Linux, kernel/locking/qspinlock.c: the head waits for *,x,y -> *,0,0',
  scenarios: ['lock-qspinlock', 'lock-rwlock'],
  site: 'qspinlock/queued',
  oracle: ['CNT', 'DATA', 'HANG'],
  hardness: 'E',
})
