/**
 * Orderings as an extra last argument of `Atomics`: the engine ignores it (everything is sequentially consistent), the
 * explorer's store-buffer mode delays and hoists by it. Left out it means full order, as on the kernel's value-returning
 * atomics; it is given where the kernel asks for less.
 */
export type Order = 'relaxed' | 'acquire' | 'release'

declare global {
  interface Atomics {
    load(words: Int32Array, at: number, order: Order | undefined): number
    store(words: Int32Array, at: number, value: number, order: Order | undefined): number
    add(words: Int32Array, at: number, value: number, order: Order | undefined): number
    sub(words: Int32Array, at: number, value: number, order: Order | undefined): number
    and(words: Int32Array, at: number, value: number, order: Order | undefined): number
    or(words: Int32Array, at: number, value: number, order: Order | undefined): number
    xor(words: Int32Array, at: number, value: number, order: Order | undefined): number
    exchange(words: Int32Array, at: number, value: number, order: Order | undefined): number
    compareExchange(words: Int32Array, at: number, expected: number, value: number, order: Order | undefined): number
  }
}
