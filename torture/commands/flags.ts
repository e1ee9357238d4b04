/** Flags that several commands share, and what their texts mean. */
import { availableParallelism } from 'node:os'
import type { Argv } from 'yargs'
import { REPORTERS, type ReporterKind } from '../../results/reporters/reporter.ts'
import { UsageError } from '../errors.ts'
import { hint } from '../plan/nearest.ts'
import { parseAssignment, parseCount } from '../plan/quantities.ts'

export const DEFAULT_RESULTS = 'torture-results'
const MOST_CPUS = 4096

/** A flag with one value, and one that may be repeated. */
export const text = { type: 'string', requiresArg: true } as const
export const texts = { type: 'string', array: true, requiresArg: true } as const

/** Where results go, how they are shown. */
export function storeOptions<T>(yargs: Argv<T>) {
  return yargs
    .option('reporter', {
      type: 'string',
      requiresArg: true,
      describe: `${REPORTERS.join(', ')}; tty on a terminal, else plain`,
    })
    .option('results', {
      type: 'string',
      requiresArg: true,
      default: DEFAULT_RESULTS,
      describe: 'folder of the run store',
    })
    .option('dry-run', { type: 'boolean', describe: 'print the plan and start nothing' })
}

export function parseReporter(text: string | undefined): ReporterKind {
  if (text === undefined) return process.stdout.isTTY ? 'tty' : 'plain'
  return oneOf(text, REPORTERS, '--reporter')
}

/** @throws UsageError naming the words there are */
export function oneOf<T extends string>(text: string, words: readonly T[], flag: string): T {
  const word = words.find(known => known === text)
  if (word === undefined)
    throw new UsageError(`${flag} ${text}: ${hint(text, words, `one of ${words.join(', ')} is needed`)}`)
  return word
}

export interface Cpus {
  /** What instances are packed into. */
  readonly cpus: number
  /** What there is. */
  readonly hostCpus: number
}

export function parseCpus(text: string | undefined): Cpus {
  const hostCpus = availableParallelism()
  return { cpus: text === undefined ? hostCpus : parseCount(text, '--cpus', MOST_CPUS), hostCpus }
}

export function parseAssignments(texts: readonly string[] | undefined, flag: string): Map<string, string> {
  return new Map((texts ?? []).map(text => parseAssignment(text, flag)))
}

/** A pattern over the names of cells, which may hold almost anything. */
export function parseFocus(pattern: string): string {
  if (pattern.trim() === '' || pattern.length > 200 || /\p{Cc}/u.test(pattern)) {
    throw new UsageError("--focus: name cells, with * for any part, as in --focus 'vma[*].vm_lock_seq'")
  }
  return pattern
}

/** @throws UsageError where a folder of results could not be made */
export function checkResults(path: string): string {
  if (path.trim() === '' || path.includes('\0')) throw new UsageError('--results: name a folder')
  return path
}
