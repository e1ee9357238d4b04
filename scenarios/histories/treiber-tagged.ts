/** Every few calls of Treiber's stack, against what a stack is. */
import { stack } from '../../lib/check/linearizability/models.ts'
import {
  initTaggedStack,
  TaggedStack,
  type TaggedStackImage,
  taggedStackRegion,
} from '../../lib/lockless/treiber-tagged.ts'
import { defineScenario } from '../../torture/scenario.ts'
import { recorded } from '../workloads/calls.ts'

export default defineScenario({
  name: 'treiber-tagged-history',
  summary: "Treiber's stack is linearizable",
  ...recorded<TaggedStackImage>({
    put: 'push',
    take: 'pop',
    reserve: taggedStackRegion,
    init: initTaggedStack,
    open: (w, image) => new TaggedStack(w, image),
  }),
  history: { model: stack({ empty: 0 }) },
})
