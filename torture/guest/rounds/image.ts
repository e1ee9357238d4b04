/**
 * The pristine image of the shared buffers, taken once after `setup` and restored between rounds. Most of a large
 * arena is zero and most of it is not touched in a round, so only chunks that hold something are kept, and only chunks
 * that changed are written: comparing runs at the speed of memory and does not make untouched pages real.
 */

const CHUNK = 64 * 1024
/** Up to here writing is cheaper than comparing. */
const SMALL = 1024
const zeros = Buffer.alloc(CHUNK)

/** A chunk at its place. One that is all zero has no copy of its own. */
interface Chunk {
  readonly buffer: number
  readonly at: number
  readonly bytes: number
  readonly pristine: Buffer
}

export class Image {
  readonly #chunks: readonly Chunk[]

  constructor(buffers: readonly SharedArrayBuffer[]) {
    this.#chunks = buffers.flatMap(chunksOf)
  }

  /**
   * What makes `buffers` (the original ones, or copies of the same sizes in the same order) what they were. It may be
   * called while nobody uses them, as often as one likes.
   */
  restorer(buffers: readonly SharedArrayBuffer[]): () => void {
    const views = this.#chunks.map(({ buffer, at, bytes }) => Buffer.from(buffers[buffer], at, bytes))
    const chunks = this.#chunks
    return () => {
      for (let i = 0; i < chunks.length; i++) {
        const { bytes, pristine } = chunks[i]
        if (bytes <= SMALL || views[i].compare(pristine) !== 0) views[i].set(pristine)
      }
    }
  }
}

function chunksOf(shared: SharedArrayBuffer, buffer: number): Chunk[] {
  const chunks: Chunk[] = []
  for (let at = 0; at < shared.byteLength; at += CHUNK) {
    const bytes = Math.min(CHUNK, shared.byteLength - at)
    const view = Buffer.from(shared, at, bytes)
    const zero = zeros.subarray(0, bytes)
    chunks.push({ buffer, at, bytes, pristine: view.compare(zero) === 0 ? zero : Buffer.from(view) })
  }
  return chunks
}
