/**
 * The head is the node on top and nothing else: the ABA problem.
 *
 * 1. The taker reads that A is on top and B below, and is held up before it swaps the head from A to B.
 * 2. The returner takes A, takes B, and puts A back. Nothing is below A now.
 * 3. The taker finds A on top, as before, and swaps: B is on top of the stack, and in the returner's hands.
 *
 * Source: IBM System/370 Extended Architecture, Principles of Operation, 1983, appendix A, on free lists by
 * compare-and-swap, and why compare-double-and-swap carries a count; M. M. Michael, "Hazard pointers", TPDS 15(6), 2004.
 */
import { defineScenario } from '../../../torture/scenario.ts'
import { treiberStack } from '../treiber-stack.ts'

export default defineScenario({
  name: 'treiber-stack-bad',
  summary: "Treiber's stack without a count in the head: a node returns and is taken for the same stack (ABA)",
  tags: ['bad'],
  // wrong: nothing tells two heads with the same node apart
  ...treiberStack((_, node) => node),
})
