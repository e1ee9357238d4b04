import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'spsc-ring-published-relaxed',
  title: 'the position may overtake the value',
  story: `The producer stores the value and then its position, in the right order but without a release: where stores are
    not kept in order, the position may become visible first, and the consumer reads the cell as it was. On x86 nothing
    happens. It takes torture explore --memory-model pso.`,
  source: 'the pairing of Linux, Documentation/core-api/circular-buffers.rst',
  scenarios: ['spsc-ring'],
  site: 'spsc-ring/put',
  oracle: ['FIFO', 'TOKEN'],
  hardness: 'X',
  memoryModel: 'pso',
})
