/** The two builds of `atomic_t`, one beside the other. */
import * as byCas from './by-cas.ts'
import * as native from './native.ts'

export type AtomicOperations = typeof native

export const ATOMIC_BUILDS: { readonly native: AtomicOperations; readonly cas: AtomicOperations } = {
  native,
  cas: byCas,
}
