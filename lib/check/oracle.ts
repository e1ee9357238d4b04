/** A check of the library failed. Whoever runs the library tells it from any other error by the `oracle` it carries. */
export class OracleViolation extends Error {
  readonly oracle: string
  readonly details: unknown
  /**
   * @param oracle  the short name under which the documents list the check: FREE, GEN, REF, DATA, TLB, VMA, PT, …
   * @param message what was seen and what was expected, with the names of the cells
   * @param details anything that survives JSON
   */
  constructor(oracle: string, message: string, details?: unknown) {
    super(message)
    this.name = 'OracleViolation'
    this.oracle = oracle
    this.details = details
  }
}

/** Never returns: kept out of line, so that the checks in hot loops stay small enough to be inlined. */
export function violated(oracle: string, message: string, details?: unknown): never {
  throw new OracleViolation(oracle, message, details)
}
