import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'mutex-wakes-nobody',
  title: 'a contended mutex is given up, and nobody is woken',
  story: `Whoever gives up a mutex that is 2 wakes one sleeper. The mutant only sets it free. Newcomers take it, sleepers
    sleep; at the latest when nobody comes any more this is for ever.`,
  source: 'the positive control among lost wake-ups',
  scenarios: ['lock-mutex'],
  site: 'mutex/unlock-contended',
  oracle: 'HANG',
  hardness: 'E',
})
