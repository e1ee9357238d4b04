import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'rwlock-writer-check-then-act',
  title: "a writer that saw the lock free stores its mark over a reader's",
  story: `A writer at the head of the queue waits until no reader is counted, and then exchanges what it saw for the
    writer's mark. Readers still add themselves, see that a writer waits, and take themselves back again. The mutant
    stores the mark: a reader that had added itself at that moment is overwritten, and takes away later what is not
    there any more. The count is wrong from then on.`,
  source: 'Linux, kernel/locking/qrwlock.c: queued_write_lock_slowpath() ends with a compare-and-exchange',
  scenarios: ['lock-rwlock'],
  site: 'rwlock/write-found-free',
  oracle: ['CNT', 'DATA', 'HANG'],
  hardness: 'E',
})
