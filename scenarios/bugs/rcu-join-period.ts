import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'rcu-join-period',
  title: 'a callback takes the grace period under way for its own',
  story: `A: a grace period begins and finds CPU 1 outside a section. B, on CPU 1, opens a section and finds element E. C
    unlinks E and calls call(): the period under way will not wait for B, so C's callback must wait for the end of the
    next one. The mutant contents itself with the end of the one under way, which comes while B still holds E.`,
  source: 'the requirement: Linux, Documentation/RCU/Design/Requirements, "Grace-Period Guarantee"',
  scenarios: ['rcu'],
  site: 'rcu.call-in-period',
  oracle: 'GEN',
  hardness: 'E',
})
