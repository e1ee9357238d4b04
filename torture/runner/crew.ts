import type { Stopped } from './stopped.ts'

/** Who carries the instances of a plan out and tells the books: this machine, or a fleet. */
export interface Crew {
  /**
   * Returns when each instance that is due has ended.
   * @throws where results cannot be written
   */
  carryOut(): Promise<void>
  /** Asks what is running for an orderly end: all of it, or the instances that are concerned. */
  stop(concerns?: Stopped['concerns']): void
  /** Leaves nothing behind; may be called at any time, and twice. */
  killAll(): void
}
