import { FOLL_PIN, FOLL_WRITE } from '../../lib/mm/gup/foll.ts'
import { Gup } from '../../lib/mm/gup/gup.ts'
import { PG_ANON_EXCLUSIVE } from '../../lib/mm/layout.ts'
import { DATA_AT, type MemoryOptions } from '../../lib/mm/memory.ts'
import { Machine, PRIVATE } from './memory.ts'

export const PRIVATE_FILE = { write: false, object: 1, offset: 0, shared: false }
export const SHARED_READ_ONLY = { write: false, object: 1, offset: 0 }
export const WRITE = FOLL_PIN | FOLL_WRITE
export const AT = 10
export const ELSEWHERE = 12

/** Private memory at [8, 16) of the only address space that exists from the beginning. */
export function machine(options: Partial<MemoryOptions> = {}): { m: Machine; gup: Gup } {
  const m = new Machine('vma-lock', { firstMms: 1, ...options })
  m.on(0, task => task.mmap(0, 8, 16, PRIVATE))
  return { m, gup: new Gup(m.k) }
}

/** Takes a page on CPU 0. */
export const fast = (m: Machine, gup: Gup, vpn: number, foll: number) =>
  m.on(0, task => gup.getFast(task.mm, vpn, foll))
export const slow = (m: Machine, gup: Gup, vpn: number, foll: number) => m.on(0, task => gup.get(task.mm, vpn, foll))
export const release = (m: Machine, gup: Gup, frame: number, foll: number, dirty = false) =>
  m.on(0, () => gup.release(frame, foll, dirty))
export const wordOf = (m: Machine, frame: number, word = 0) => Atomics.load(m.w, m.k.frames.at(frame) + DATA_AT + word)
export const isExclusive = (m: Machine, frame: number) => (m.frame(frame, 'flags') & PG_ANON_EXCLUSIVE) !== 0
