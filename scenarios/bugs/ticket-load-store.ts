import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'ticket-load-store',
  title: 'two threads draw the same ticket',
  story: `A ticket is drawn by an addition that returns what was there. The mutant loads the counter and stores it back,
    one greater. Two that load before either stores have the same ticket and are called together; and one number too
    few was drawn, so in the end someone may wait for a call that never comes.`,
  source: 'Mellor-Crummey, Scott, TOCS 9(1), 1991: fetch_and_increment is what the lock is built on',
  scenarios: ['lock-ticket'],
  site: 'ticket-lock/drawn',
  oracle: ['CNT', 'DATA', 'HANG'],
  hardness: 'E',
})
