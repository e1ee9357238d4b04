import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'mcs-unlock-no-wait',
  title: 'an MCS lock is given up without waiting for the successor to say who it is',
  story: `Who unlocks and knows of nobody behind it takes itself off the tail by a compare-and-swap. If that fails,
    somebody has put itself at the tail and is about to write its name into our node: we must wait for the name,
    since nobody else can hand the lock over. The mutant looks once and leaves. The successor waits for a word that
    nobody will change.`,
  source: 'Mellor-Crummey, Scott, TOCS 9(1), 1991, algorithm 5: repeat while I->next = nil',
  scenarios: ['lock-mcs'],
  site: 'mcs-lock/await-link',
  oracle: 'HANG',
  hardness: 'E',
})
