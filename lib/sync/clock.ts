/** Of this thread; with it `performance.now()` becomes a clock that all threads of a process share. */
const ORIGIN = performance.timeOrigin

/** Microseconds modulo 2^32, agreed on by all threads; for slow paths only. Compare with `microsSince`. */
export function nowMicros(): number {
  return ((ORIGIN + performance.now()) * 1000) | 0
}

/** Microseconds from `then` to now; right for spans below 35 minutes. */
export function microsSince(then: number): number {
  return (nowMicros() - then) | 0
}
