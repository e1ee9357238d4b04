/**
 * Limits of an exploration, and how much memory it takes. Apart from everything else, because the guest's main thread
 * makes that memory: were it to import any of the rest, the bundler would put that into a module of its own, and what a
 * module imports is no constant to the engine (a quarter of the price of a step).
 */

/** Actors of an execution: what is left of a mask's bits beside the sign and the one below. */
export const MOST_ACTORS = 30
/** Steps of one execution; a longer one is cut off. */
export const MOST_STEPS = 1 << 18

/** Of a `Board`: 6 words a step, and some. */
export const BOARD_BYTES = 4 * 7 * MOST_STEPS

/** Of a `Baton`: a cache line a thread. */
export const batonBytes = (threads: number): number => 64 * threads

/** Addresses of cells: below lie what is no cell of anybody. */
export const FIRST_ADDRESS = 64

/** What a buffer takes of the addresses. */
export const spaceOf = ({ byteLength }: SharedArrayBuffer): number => Math.ceil(byteLength / 64) * 64

/** Where the addresses of cells end. */
export const spanOf = (buffers: readonly SharedArrayBuffer[]): number =>
  buffers.reduce((end, buffer) => end + spaceOf(buffer), FIRST_ADDRESS)

/** Of a `Focus`: two bytes for each word. */
export const focusBytes = (span: number): number => 2 * (Math.ceil(span / 4) + 1)
