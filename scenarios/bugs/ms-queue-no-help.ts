import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'ms-queue-no-help',
  title: 'the head overtakes the tail',
  story: `A has hung its node N behind the last one, T, and not moved the tail yet. B takes N's value: T is the dummy,
    N becomes it, and T is freed, although the tail still points at it. T comes back as somebody's new node, and the next
    one is appended behind it, wherever it is. Who takes must look whether the dummy is the tail, and move the tail on
    first. The mutant does not.`,
  source: 'M. M. Michael and M. L. Scott, PODC 1996, figure 1, lines D6 to D10',
  scenarios: ['ms-queue'],
  site: 'ms-queue/linked',
  oracle: ['GEN', 'TOKEN', 'FIFO', 'HANG'],
  hardness: 'E',
})
