/**
 * References are given back without a release: what a user wrote may become visible after that.
 *
 * 1. A user's store waits to reach memory, and its reference is given back before that.
 * 2. The other one gives back the last reference, and does not see the store.
 *
 * Not to be found under sequential consistency, nor where read-modify-writes are barriers (x86): `--memory-model pso`.
 *
 * Source: Linux, Documentation/core-api/refcount-vs-atomic.rst: a decrement provides RELEASE ordering.
 */
import { defineScenario } from '../../../torture/scenario.ts'
import { lastUser } from '../last-user.ts'

export default defineScenario({
  name: 'last-user-bad',
  summary: 'references given back without a release: seen by --memory-model pso only',
  tags: ['bad'],
  // wrong: the first one has to be a release
  ...lastUser('relaxed', 'acquire'),
})
