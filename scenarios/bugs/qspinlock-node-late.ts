import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'qspinlock-node-late',
  title: 'a node of a queued spinlock is made ready when it is in the queue already',
  story: `Who queues makes its node ready, exchanges the tail for itself, and links the node before to its own. In Linux
    the exchange was a release, which does not keep what follows it from being done before what precedes it can be
    seen: the node was in the queue, and not ready. Here read-modify-writes are in full order, so the mutant does it in
    that order itself. Whoever comes in between writes its name into the node; then the node is made ready, and the
    name is gone. The head of the queue waits for a name that nobody will write again, holding the lock.`,
  source: 'Linux 95bcade33a8a (2018)',
  scenarios: ['lock-qspinlock', 'lock-rwlock'],
  site: 'qspinlock/queued',
  oracle: ['HANG', 'CNT', 'DATA'],
  hardness: 'E',
})
