import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'completion-done-unserialised',
  title: 'a completion is used for something else while complete() is still at it',
  story: `A waiter that learns that its completion is done may use the memory for something else, which is what a
    completion is for: it lies on the waiter's stack. So isDone() must not say so before complete() is through: it
    takes the lock and gives it back. The mutant looks at the number only. The memory is used again, and complete()
    writes to it as it gives up a lock that is not there any more.`,
  source: 'Linux de30ec47302c (2015)',
  scenarios: ['completion'],
  site: 'completion/is-done',
  oracle: ['CNT', 'GEN', 'HANG'],
  hardness: 'E',
})
