/** Exit status of the command: the worst wins in the order 2, 1, 3, 4, 0. */
export const EXIT = { ok: 0, failed: 1, usage: 2, infrastructure: 3, inconclusive: 4, interrupted: 130 } as const

/** Bad usage or bad input: printed as one line, without a stack. The message says what is wrong and what to do. */
export class UsageError extends Error {
  readonly exitCode = EXIT.usage
}

/** Something around the run broke: a full disk, a guest that cannot be started. */
export class InfrastructureError extends Error {
  readonly exitCode = EXIT.infrastructure
}
