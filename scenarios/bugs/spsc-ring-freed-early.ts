import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'spsc-ring-freed-early',
  title: 'the consumer gives a cell back before it has read it',
  story: `The ring is full. The consumer moves its position and then reads the value. A producer that waits for room finds
    it and overwrites the cell: the old value is lost, and the new one comes out twice. The mutant has the two in this
    order.`,
  source: 'our own control: the protocol of L. Lamport, ACM TOPLAS 5(2), 1983',
  scenarios: ['spsc-ring'],
  site: 'spsc-ring/take',
  oracle: ['FIFO', 'TOKEN'],
  hardness: 'E',
  params: { capacity: 2 },
})
