/**
 * The engine's own operations and clocks, kept before anything is put in their place: the harness works with these, and
 * so does a controlled operation once it has its turn.
 */
export const engine = {
  add: Atomics.add,
  and: Atomics.and,
  compareExchange: Atomics.compareExchange,
  exchange: Atomics.exchange,
  load: Atomics.load,
  notify: Atomics.notify,
  or: Atomics.or,
  store: Atomics.store,
  sub: Atomics.sub,
  wait: Atomics.wait,
  xor: Atomics.xor,
} as const

const { performance } = globalThis
const realNow = performance.now
/** Milliseconds of real time, whatever the scenario sees. */
export const realMs = (): number => realNow.call(performance)
