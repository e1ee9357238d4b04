/** The loads that are measured: those of `torture scale`, with the parameters that it sets. */
import vmaLock from '../scenarios/mm/vma-lock.ts'
import type { Params } from './loops/bare.ts'

function rowOf(mapper: boolean): Params {
  const row = vmaLock.scale?.rows.find(({ labels }) => labels.vmas === 'own' && labels.mapper === mapper)
  if (row?.params === undefined)
    throw new Error('torture scale has no row of own VMAs any more: see workloads/measured.ts')
  return row.params
}

/** Every faulting thread writes to fresh pages of a VMA of its own and drops them. */
export const OWN = rowOf(false)
/** The same beside a thread that maps and rests. */
export const OWN_BESIDE_MAPPER = rowOf(true)

export const faulters = (count: number) =>
  Array.from({ length: count }, (_, n) => ({ body: 'faulter', index: n, thread: n }))
