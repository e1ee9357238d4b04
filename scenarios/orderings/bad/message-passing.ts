/**
 * The flag is stored without a release: it may become visible before the data.
 *
 * 1. The writer's two stores wait to reach memory. That of the flag overtakes that of the data.
 * 2. The reader sees the flag, and reads data that is not there yet.
 *
 * Not to be found under sequential consistency, nor where stores keep their order (x86): `--memory-model pso`.
 *
 * Source: D. Howells, P. McKenney and others, "Linux Kernel Memory Barriers", SMP barrier pairing.
 */
import { defineScenario } from '../../../torture/scenario.ts'
import { messagePassing } from '../message-passing.ts'

export default defineScenario({
  name: 'message-passing-bad',
  summary: 'data, and a flag that may overtake it: seen by --memory-model pso only',
  tags: ['bad'],
  // wrong: the first one has to be a release
  ...messagePassing('relaxed', 'acquire'),
})
