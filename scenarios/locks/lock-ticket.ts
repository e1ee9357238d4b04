/** The ticket lock, tortured. */
import { objectAt, type Region } from '../../lib/shm/arena.ts'
import { TICKET_LOCK, TicketLock } from '../../lib/sync/ticket-lock.ts'
import { locktorture } from '../workloads/locktorture.ts'

export default locktorture<Region>({
  name: 'lock-ticket',
  summary: 'locktorture of the ticket lock',
  reads: false,
  reserve: (builder, locks) => builder.region('ticket_lock', TICKET_LOCK, locks, { ownLines: true }),
  open: (cpu, image, locks) => ({
    locks: Array.from({ length: locks }, (_, n) => ({ write: new TicketLock(cpu, objectAt(image, n)) })),
  }),
})
