/** What a driver asks the porter on a host, and what it answers: one line of JSON each. */
import type { Cleaned } from './clean.ts'
import type { OwnFacts } from './facts.ts'
import type { HostTrouble } from './problem.ts'

export type Request =
  /** The first one: which directory is meant by all that follow. */
  | { readonly ask: 'facts'; readonly directory?: string }
  | { readonly ask: 'time' }
  /** With what it takes on the disk: whether there is room for it, too. */
  | { readonly ask: 'want'; readonly hash: string; readonly bytes?: number }
  /** Followed by so many bytes: the bundle's text, compressed. */
  | { readonly ask: 'take'; readonly hash: string; readonly packed: number }
  /** Hands the stream over to the agent of a run. */
  | { readonly ask: 'attach'; readonly run: string; readonly hash: string }
  | { readonly ask: 'clean'; readonly olderThanMs: number; readonly dryRun: boolean }

export interface Answers {
  facts: OwnFacts
  time: { readonly now: number }
  want: { readonly wanted: boolean }
  take: { readonly taken: true }
  attach: { readonly attached: true }
  clean: Cleaned
}

export type Answer<K extends keyof Answers> = Answers[K] | { readonly trouble: HostTrouble; readonly message: string }
