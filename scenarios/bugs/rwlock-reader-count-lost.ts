import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'rwlock-reader-count-lost',
  title: "a reader leaves by a load and a store, and another one's coming or going is lost",
  story: `A reader leaves by subtracting its bias. The mutant loads the count and stores it back, less one bias. A reader
    that comes in between is not counted any more, and a writer gets in beside it; a reader that leaves in between
    is counted for ever, and no writer gets in again.`,
  source: 'Linux, include/asm-generic/qrwlock.h: queued_read_unlock() is an atomic subtraction',
  scenarios: ['lock-rwlock'],
  site: 'rwlock/read-unlock',
  oracle: ['CNT', 'DATA', 'HANG'],
  hardness: 'E',
})
