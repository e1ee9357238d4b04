import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'mpmc-ring-off-by-one',
  title: 'a consumer comes one too early',
  story: `A cell's sequence number is the position while it is a producer's turn, and one more when it is a consumer's. A
    consumer whose turn has not come goes away. The mutant goes away only when the number is less than the position:
    it claims a cell that nobody has filled, or whose producer is still at it, and reads what is left from a round ago.`,
  source: 'our own control: the protocol of D. Vyukov, Bounded MPMC queue (2010)',
  scenarios: ['mpmc-ring'],
  site: 'mpmc-ring/consumer',
  oracle: ['TOKEN', 'FIFO', 'HANG'],
  hardness: 'E',
})
