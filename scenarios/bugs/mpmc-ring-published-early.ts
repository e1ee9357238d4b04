import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'mpmc-ring-published-early',
  title: 'a cell is handed over before the value is in it',
  story: `A producer claims a position, stores the next turn into the cell's sequence number and then the value. A
    consumer whose turn it is reads what was there a round ago: that value comes out twice, and the new one never. The
    mutant has the two stores in this order.`,
  source: 'our own control: the protocol of D. Vyukov, Bounded MPMC queue (2010)',
  scenarios: ['mpmc-ring', 'mpmc-ring-history'],
  site: 'mpmc-ring/claimed',
  oracle: ['FIFO', 'TOKEN', 'LIN'],
  hardness: 'E',
})
