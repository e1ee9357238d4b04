/**
 * Orderings as an extra last argument of `Atomics`: the engine ignores it (everything is sequentially consistent), the
 * explorer's store-buffer mode delays and hoists by it. Left out it means full order, as on the kernel's value-returning
 * atomics; it is given where the kernel asks for less.
 */
export type Order = 'relaxed' | 'acquire' | 'release'

declare global {
  interface Atomics {
    load(words: Int32Array, at: number, order: Order): number
    store(words: Int32Array, at: number, value: number, order: Order): number
    add(words: Int32Array, at: number, value: number, order: Order): number
    sub(words: Int32Array, at: number, value: number, order: Order): number
    and(words: Int32Array, at: number, value: number, order: Order): number
    or(words: Int32Array, at: number, value: number, order: Order): number
    xor(words: Int32Array, at: number, value: number, order: Order): number
    exchange(words: Int32Array, at: number, value: number, order: Order): number
    compareExchange(words: Int32Array, at: number, expected: number, value: number, order: Order): number
  }
}
