import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'condvar-relocks-plain',
  title: 'who is woken by a broadcast takes the mutex as 1, and those moved to the mutex are forgotten',
  story: `A broadcast wakes one and moves the others to the mutex. Whoever is woken takes the mutex as 2, so that giving
    it up wakes the next. The mutant takes it as newcomers do: if it was free it is 1, giving it up wakes nobody,
    and those who were moved sleep on. If it is the turn of one of them, all do.`,
  source: "Drepper, Futexes Are Tricky, 2011; glibc's __pthread_mutex_cond_lock() is there for this",
  scenarios: ['condvar-baton'],
  site: 'condition/woken',
  oracle: 'HANG',
  hardness: 'E',
})
