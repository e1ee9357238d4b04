/**
 * What stress does to `Atomics` in a worker's realm, before the scenario is imported.
 *
 * `wait` is replaced in every thread by one that notes the awaited word while it waits: it is a slow operation anyhow,
 * and a hang can then be reported with the name of the cell. `waitAsync` is as well, until its promise settles.
 *
 * On jittered threads the other operations lose time now and then, for the sake of code that has no sites. It must be
 * in place before the import, since packages capture methods (`const { load } = Atomics`). Code that has sites is
 * delayed there, and its hot operations must stay the engine's own: if a site was registered during the import, the
 * engine's methods are put back (measured: no cost remains), and as `lib` never captures methods, nothing of the
 * replacement stays behind.
 */
import { MINE, threadBase } from '../control.ts'
import { engine } from '../engine.ts'
import { type BufferNumbers, UNKNOWN_BUFFER } from '../shared.ts'
import type { Spins } from '../watch/spins.ts'
import type { Delays } from './delays.ts'

type Method = (a: unknown, b: unknown, c?: unknown, d?: unknown) => unknown
const realm = Atomics as unknown as Record<string, Method>

/** Makes `Atomics.wait` and `waitAsync` note the awaited word in the thread's part of the control block. */
export function noteWaits(words: Int32Array, thread: number, numbers: BufferNumbers): void {
  const base = threadBase(thread)
  const { load, store, wait } = engine
  /** Returns what was noted before. */
  const note = (array: Int32Array, index: number, value: number): number => {
    const known = numbers.get(array.buffer)
    store(words, base + MINE.awaitedOffset, array.byteOffset + index * array.BYTES_PER_ELEMENT)
    store(words, base + MINE.awaitedValue, Number(value) | 0)
    store(words, base + MINE.awaitedBytes, array.BYTES_PER_ELEMENT)
    store(words, base + MINE.awaitedCopy, known?.copy ?? 0)
    const outer = load(words, base + MINE.awaitedBuffer)
    store(words, base + MINE.awaitedBuffer, 1 + (known?.buffer ?? UNKNOWN_BUFFER))
    return outer
  }
  const noted = (array: Int32Array, index: number, value: number, timeout?: number) => {
    const outer = note(array, index, value)
    try {
      return wait(array, index, value, timeout)
    } finally {
      store(words, base + MINE.awaitedBuffer, outer)
    }
  }
  realm.wait = noted as Method
  const { waitAsync } = realm as { waitAsync?: Method }
  if (waitAsync === undefined) return
  realm.waitAsync = (array, index, value, timeout) => {
    const result = waitAsync(array, index, value, timeout) as { readonly async: boolean; readonly value: unknown }
    if (!result.async) return result
    note(array as Int32Array, Number(index), Number(value))
    const over = () => store(words, base + MINE.awaitedBuffer, 0)
    void (result.value as Promise<unknown>).then(over, over)
    return result
  }
}

/** Makes every operation lose time now and then. Returns what puts the operations back as they were. */
export function delayOperations(delays: Delays, spins: Spins): () => void {
  let countdown = 1 + delays.below(2 * delays.everyOperation)
  const lose = (array: unknown, index: unknown) => {
    countdown = 1 + delays.below(2 * delays.everyOperation)
    if (spins.noting) spins.note(array, index)
    else delays.lose()
  }
  const before = Object.keys(engine).map(name => [name, realm[name]] as const)
  for (const [name, method] of before) {
    realm[name] = (a, b, c, d) => {
      if (--countdown === 0) lose(a, b)
      return method(a, b, c, d)
    }
  }
  return () => {
    for (const [name, method] of before) realm[name] = method
  }
}
