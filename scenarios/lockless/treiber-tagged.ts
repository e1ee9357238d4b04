/** Treiber's stack with a count of changes beside the top: all threads push and pop. */
import {
  initTaggedStack,
  TaggedStack,
  type TaggedStackImage,
  taggedStackRegion,
} from '../../lib/lockless/treiber-tagged.ts'
import { defineScenario } from '../../torture/scenario.ts'
import { exchange } from '../workloads/tokens.ts'

export default defineScenario({
  name: 'treiber-tagged',
  summary: "Treiber's stack, whose top counts its changes",
  ...exchange<TaggedStackImage>({
    fifo: false,
    reserve: taggedStackRegion,
    init: initTaggedStack,
    open: (w, image) => new TaggedStack(w, image),
  }),
})
