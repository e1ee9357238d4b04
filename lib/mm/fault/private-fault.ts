/**
 * Faults on a MAP_PRIVATE mapping of an object. Reading maps the object's page, never to be written to; the first write
 * makes a copy, which is private memory from then on. If nothing was mapped yet the copy is made at once, and the
 * object's page not mapped at all.
 */
import { pass, site } from '../../shm/sites.ts'
import type { Kernel } from '../kernel.ts'
import type { Mm } from '../mm.ts'
import { lockedPageForFault, NO_MEMORY, WAITED } from '../page/page-cache.ts'
import { unlockPage } from '../page/page-flags.ts'
import { installAnon } from './anon-fault.ts'
import { entryFor } from './entries.ts'
import { FAULT_OOM, FAULT_RETRY } from './fault-codes.ts'
import { noAnonVma, prepareAnonVma } from './prepare-anon-vma.ts'
import { faultShared } from './shared-fault.ts'

const COPY = site('private-fault/copy')

/** No entry is there. */
export function faultPrivate(
  k: Kernel,
  mm: Mm,
  vma: number,
  pmd: number,
  vpn: number,
  write: boolean,
  flags: number,
): number {
  return write ? faultCopy(k, mm, vma, pmd, vpn, flags) : faultShared(k, mm, vma, pmd, vpn, false, flags)
}

function faultCopy(k: Kernel, mm: Mm, vma: number, pmd: number, vpn: number, flags: number): number {
  if (!prepareAnonVma(k, mm, vma, flags)) return noAnonVma(k, mm, vma, flags)
  const fresh = k.frames.alloc()
  if (fresh === 0) return FAULT_OOM
  const page = lockedPageForFault(k, mm, vma, vpn, flags)
  if (page === NO_MEMORY || page === WAITED) {
    k.frames.put(fresh)
    return page === WAITED ? FAULT_RETRY : FAULT_OOM
  }
  // Others may write to the page through shared mappings meanwhile: the copy has each word as it was at some moment.
  k.frames.copy(page, fresh)
  pass(COPY, vpn, fresh)
  const result = installAnon(k, mm, vma, pmd, vpn, entryFor(fresh, flags))
  unlockPage(k, page)
  k.frames.put(page)
  return result
}
