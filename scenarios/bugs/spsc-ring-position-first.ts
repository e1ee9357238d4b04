import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'spsc-ring-position-first',
  title: 'the producer announces a value that is not there yet',
  story: `The producer moves its position and then stores the value. A consumer that comes in between reads the cell as it
    was a round ago. The mutant has the two stores in this order.`,
  source: 'our own control: the protocol of L. Lamport, ACM TOPLAS 5(2), 1983',
  scenarios: ['spsc-ring'],
  site: 'spsc-ring/put',
  oracle: ['FIFO', 'TOKEN'],
  hardness: 'E',
})
