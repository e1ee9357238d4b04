/** Single cells: registers and counters. */
import type { Call, Effect, Model } from '../model.ts'

/** `read() → value`, `write(value)`. */
export function register({ initial = 0 }: { readonly initial?: number } = {}): Model<number> {
  return {
    name: 'a register',
    operations: ['read', 'write'],
    initial,
    apply: (value, { operation, args }) =>
      operation === 'read' ? { state: value, returns: value } : { state: args[0] },
  }
}

/**
 * A register with `compareAndSet(expected, value) → whether it did`, `compareExchange(expected, value) → what was there`
 * and `exchange(value) → what was there`, beside `read` and `write`.
 */
export function casRegister({ initial = 0 }: { readonly initial?: number } = {}): Model<number> {
  return {
    name: 'a register with compare-and-swap',
    operations: ['read', 'write', 'compareAndSet', 'compareExchange', 'exchange'],
    initial,
    apply: (value, { operation, args: [first, second] }) => {
      switch (operation) {
        case 'read':
          return { state: value, returns: value }
        case 'write':
          return { state: first }
        case 'exchange':
          return { state: first, returns: value }
        case 'compareAndSet':
          return { state: value === first ? second : value, returns: value === first }
        default:
          return { state: value === first ? second : value, returns: value }
      }
    },
  }
}

/**
 * A counter: `read() → value`; `add(n)`, `fetchAdd(n) → the value before`, `addFetch(n) → the value after`, where n left
 * out is 1.
 * @param options.bits 32: it wraps as a cell of an Int32Array does. Default: it does not wrap
 */
export function counter({ initial = 0, bits }: { readonly initial?: number; readonly bits?: 32 } = {}): Model<number> {
  const wrapped = (value: number) => (bits === 32 ? value | 0 : value)
  const apply = (value: number, { operation, args: [by = 1] }: Call): Effect<number> => {
    if (operation === 'read') return { state: value, returns: value }
    const after = wrapped(value + by)
    if (operation === 'add') return { state: after }
    return { state: after, returns: operation === 'fetchAdd' ? value : after }
  }
  return { name: 'a counter', operations: ['read', 'add', 'fetchAdd', 'addFetch'], initial, apply }
}
