/** What `torture scale` measures of a policy: fresh pages written to and dropped, without and beside a mapping thread. */
import type { Scale } from '../../torture/scenario.ts'
import { type Context, ownArea } from './space.ts'
import { Tally } from './tally.ts'

/** Pages touched between two drops. */
const CHUNK = 512

/** What is measured: writing to fresh pages, one after the other, and dropping them; every oracle on. */
export function touchAndDrop({ shared, params, local, index, more, count }: Context): void {
  const { task } = local
  const stamps = local.stamps[task.home]
  const tally = new Tally(task, count)
  const start = ownArea(shared, index, params)
  const end = start + params['own-pages']
  count('pairs', 0)
  task.begin()
  for (let from = start; more(); from = from + CHUNK >= end ? start : from + CHUNK) {
    const to = Math.min(from + CHUNK, end)
    for (let vpn = from; vpn < to; vpn++) tally.touched(stamps.touch(vpn, true))
    task.dontneed(task.home, from, to)
    count('pairs', to - from)
    tally.sometimes()
  }
  task.end()
  tally.report()
}

/** The mapping thread beside what is measured: replaces a slot, rests, and says how long it was at it. */
export function remap({ shared, params, local, more, count, random }: Context): void {
  const { task } = local
  const started = performance.now()
  let busy = 0
  let operations = 0
  task.begin()
  while (more()) {
    const start = shared.common + random.below(params.slots) * shared.stride
    const before = performance.now()
    task.mmap(0, start, start + params['slot-pages'], { write: true, object: 0, offset: 0 })
    busy += performance.now() - before
    operations++
    for (let n = 0; n < params.pace; n++) task.k.cpu.poll()
  }
  task.end()
  count('mappings', operations)
  count('mapping.busy-us', Math.round(busy * 1000))
  count('mapping.us', Math.round((performance.now() - started) * 1000))
}

/** An area many times larger than what is touched between two drops. */
const MEASURED = { 'own-pages': 4096, 'table-bits': 6 }
/** Hardly rests: the counters mapping.busy-us and mapping.us tell its duty cycle. */
const MAPPER = { pace: 400 }

export const scale: Scale = {
  sweep: 'faulter',
  rate: { name: 'faultsPerSecond', counter: 'pairs' },
  share: { name: 'fastPathRate', part: 'faults.fast', of: 'faults' },
  rows: [
    { labels: { vmas: 'own', mapper: false }, params: { ...MEASURED, load: 'own' }, threads: { mapper: 0 } },
    { labels: { vmas: 'shared', mapper: false }, params: { ...MEASURED, load: 'shared' }, threads: { mapper: 0 } },
    { labels: { vmas: 'own', mapper: true }, params: { ...MEASURED, ...MAPPER, load: 'own' } },
    { labels: { vmas: 'shared', mapper: true }, params: { ...MEASURED, ...MAPPER, load: 'shared' } },
  ],
}
