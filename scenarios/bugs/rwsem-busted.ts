import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'rwsem-busted',
  title: 'a queued writer takes the lock from under its readers',
  story: `Readers hold the semaphore; a writer queues, sets the waiters bit and tries the lock under the wait lock. The
    rule is that it may have it when neither a writer nor a reader is in the count word. The mutant looks for a writer
    only: it sets its bit beside the readers' biases and writes while they read. Locktorture has a busted lock for the
    same purpose: a lock test that does not notice is no test.`,
  source: 'the idea: lock_busted of Linux, kernel/locking/locktorture.c',
  scenarios: ['rwsem'],
  site: 'rwsem.writer-meets-readers',
  oracle: 'CNT',
  hardness: 'E',
})
