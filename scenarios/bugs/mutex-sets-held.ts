import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'mutex-sets-held',
  title: 'who was woken takes the mutex as 1 instead of 2, and the other sleepers are forgotten',
  story: `Who has slept for a mutex takes it as 2, held and somebody may be asleep, since it cannot know whether it was
    the only sleeper. The mutant takes it as newcomers do, as 1. Two sleep; one is woken and has the mutex as 1; it
    gives it up, sees that nobody waits, and wakes nobody: the other one sleeps until somebody else happens to
    contend.`,
  source:
    'musl commits 0db393d3a77b and e7655ed37bc9 (file locks and internal locks); Drepper, Futexes Are Tricky, 2011',
  scenarios: ['lock-mutex'],
  site: 'mutex/woken',
  oracle: 'HANG',
  hardness: 'E',
})
