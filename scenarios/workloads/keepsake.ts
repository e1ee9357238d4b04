/**
 * SNAP oracle for references without a mapping: a child takes a page that it shares with its parent, to read it, and
 * unmaps it. From then on nobody can see in the page tables that it still looks at the page; what the parent writes
 * must go to a copy all the same.
 */
import { violated } from '../../lib/check/oracle.ts'
import { FOLL_GET } from '../../lib/mm/gup/foll.ts'
import type { Gup } from '../../lib/mm/gup/gup.ts'
import { FRAME, ZERO_FRAME } from '../../lib/mm/layout.ts'
import { DATA_AT } from '../../lib/mm/memory.ts'
import type { Task } from '../../lib/mm/task.ts'
import { passSlow, site } from '../../lib/shm/sites.ts'

const KEPT = site('keepsake/kept')

/**
 * The task is in its parent's address space before and after.
 * @param write writes to the page as the parent
 * @returns whether there was a page to keep
 */
export function keepPage(task: Task, gup: Gup, child: number, vpn: number, write: (vpn: number) => void): boolean {
  const { k, home: parent } = task
  if (!task.switchMm(child)) return false
  const frame = gup.get(task.mm, vpn, FOLL_GET)
  const shown = frame > 0 && frame !== ZERO_FRAME
  // A whole page: whoever of the parent's threads writes, writes to a word of its own.
  const data = k.frames.at(shown ? frame : 0) + DATA_AT
  const kept = shown ? Array.from({ length: k.image.options.cpus }, (_, cpu) => Atomics.load(k.w, data + cpu)) : []
  const gen = Atomics.load(k.w, data - DATA_AT + FRAME.gen)
  if (shown) task.dontneed(child, vpn, vpn + 1)
  task.switchMm(parent)
  if (!shown) return false
  passSlow(KEPT, vpn, frame)
  write(vpn)
  if (Atomics.load(k.w, data - DATA_AT + FRAME.gen) !== gen)
    violated('FREE', `frame ${frame} was freed while a child looked at it`, { vpn, frame })
  for (let cpu = 0; cpu < kept.length; cpu++) {
    const seen = Atomics.load(k.w, data + cpu)
    if (seen !== kept[cpu])
      violated(
        'SNAP',
        `page ${vpn}: a child looks at frame ${frame}, and sees cpu ${cpu} write ${seen} as its parent`,
        {
          vpn,
          frame,
          child,
          kept: kept[cpu],
        },
      )
  }
  gup.release(frame, FOLL_GET, false)
  return true
}
