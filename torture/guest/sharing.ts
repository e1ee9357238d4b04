/** What `setup` returned, as all threads get it: with copies of its memory, and with that in which they report. */
import type { Mode } from '../../results/schema.ts'
import { focusMemory } from '../explore/memory.ts'
import { copiesWithin, historyMemory } from './history/history-memory.ts'
import type { ReadyMessage, SharedMessage } from './messages.ts'
import { valueBytes } from './rounds/values.ts'
import { buffersOf } from './shared.ts'

/** Tiny rounds: most copies of the state, and most memory for them. */
const MAX_COPIES = 512
const MAX_COPY_BYTES = 4 * 1024 * 1024
const MAX_BUFFERS = 1024

type Ready = Pick<ReadyMessage, 'shared' | 'history'>

export function sharedBy({ shared, history }: Ready, threads: number, mode: Mode): SharedMessage {
  const originals = buffersOf(shared)
  const copies = [originals]
  const wanted = mode === 'stress' ? copiesWanted(originals, threads, history) : 1
  while (copies.length < wanted) copies.push(originals.map(buffer => new SharedArrayBuffer(buffer.byteLength)))
  return {
    type: 'shared',
    shared,
    copies,
    values: new SharedArrayBuffer(valueBytes(copies.length, threads)),
    ...(history && { history: historyMemory(copies.length, threads, history.calls) }),
    ...(mode === 'explore' && { focus: focusMemory(originals) }),
  }
}

function copiesWanted(originals: readonly SharedArrayBuffer[], threads: number, history: Ready['history']): number {
  const bytes = originals.reduce((sum, buffer) => sum + buffer.byteLength, 0)
  return Math.min(
    MAX_COPIES,
    MAX_COPY_BYTES / Math.max(1, bytes),
    MAX_BUFFERS / Math.max(1, originals.length),
    history === undefined ? MAX_COPIES : copiesWithin(threads, history.calls),
  )
}
