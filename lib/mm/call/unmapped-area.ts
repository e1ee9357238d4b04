/** Where there is room in an address space: the first hole, from the bottom, as the kernel's get_unmapped_area. */
import type { Kernel } from '../kernel.ts'
import type { Mm } from '../mm.ts'
import { eachRange } from '../vma/vma-store.ts'

/** First page of a hole of so many pages, or -1; all pages are locked for write. */
export function unmappedArea(k: Kernel, mm: Mm, pages: number): number {
  let end = 0
  let found = -1
  eachRange(k, mm, (from, to) => {
    if (found < 0 && from - end >= pages) found = end
    end = to
  })
  if (found >= 0) return found
  return mm.pages - end >= pages ? end : -1
}
