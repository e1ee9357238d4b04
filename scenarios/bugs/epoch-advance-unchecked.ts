import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'epoch-advance-unchecked',
  title: 'the epoch moves on while a thread is inside an older one',
  story: `A enters in epoch 5 and finds node X. B unlinks X and retires it. The epoch may move on to 6, of which A knows
    nothing, but to 7 only when A has left or come in again. The mutant does not wait: two steps later B frees X while A
    looks at it.`,
  source: 'K. Fraser, Practical lock-freedom (2004), section 5.2.3',
  scenarios: ['epoch', 'treiber-epoch'],
  site: 'epoch/visitor-behind',
  oracle: ['GEN', 'TOKEN', 'HANG'],
  hardness: 'E',
})
