import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'completion-wake-before-done',
  title: 'a completion wakes its waiter before it is done',
  story: `complete() says that it is done and wakes who waits, both under the lock. The mutant wakes first, and says so in
    a second step: the waiter wakes, finds nothing done, queues and sleeps again; then it is done, and nobody is
    told.`,
  source: 'the order of complete() in Linux, kernel/sched/completion.c',
  scenarios: ['completion'],
  site: 'completion/complete',
  oracle: 'HANG',
  hardness: 'E',
})
