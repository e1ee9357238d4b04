import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'epoch-stamp-announced',
  title: 'an object is retired in the epoch that its thread remembers',
  story: `A enters in epoch 5, and the epoch moves on to 6. B enters in 6 and finds X. A unlinks X and retires it. It is
    epoch 6, so X may be freed in 8, for which B has to leave. The mutant stamps X with the 5 that A announced. A leaves;
    B is of the present epoch, so it moves on to 7, and A frees X, which B still looks at. With the announced epoch it
    takes three steps, not two.`,
  source: 'our own control; Fraser frees what was retired three epochs ago, by announced epochs',
  scenarios: ['epoch', 'treiber-epoch'],
  site: 'epoch/retire',
  oracle: ['GEN', 'TOKEN', 'HANG'],
  hardness: 'D',
  jitter: 'high',
})
