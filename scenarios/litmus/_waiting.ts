/** What `Atomics.wait` returns, as a digit. */
export const RESULT = { ok: 0, 'not-equal': 1, 'timed-out': 2 } as const
