import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'ms-queue-no-tail-recheck',
  title: 'a node is hung behind one that has left the queue',
  story: `A reads the tail T. Others append behind T, take T out and free it, and somebody has it in hand to append it
    again, or nobody has it: its link says that nothing is behind it. A reads that link, finds it empty and swaps its own
    node in: behind a node that is in no queue. The count in the link does not help, since A read it too late. Looking at
    the tail once more after the link was read would. The mutant does not.`,
  source: 'M. M. Michael and M. L. Scott, PODC 1996, figure 1, line E7',
  scenarios: ['ms-queue'],
  site: 'ms-queue/enqueue',
  oracle: ['TOKEN', 'GEN', 'FIFO', 'HANG'],
  hardness: 'D',
  jitter: 'high',
  params: { capacity: 3 },
})
