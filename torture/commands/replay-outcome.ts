/** What became of a schedule when it was carried out again. */
import { oneLine, shortened, shownPlace } from '../../results/format.ts'
import type { Palette } from '../../results/reporters/palette.ts'
import type { Failure, Interleaving } from '../../results/schema.ts'
import { EXIT } from '../errors.ts'
import type { Replayed } from '../runner/replay.ts'

type Kind = 'again' | 'otherwise' | 'misfit' | 'differs' | 'broken' | 'unsure' | 'passes'

export interface Outcome {
  readonly kind: Kind
  /** What was found, in one line. */
  readonly text: string
  /** `/home/ann/queue.ts:41:12` */
  readonly at?: string
  readonly interleaving?: Interleaving
}

/** The oracle under which the guest says that a schedule does not fit. */
const SCHEDULE = 'SCHEDULE'

/**
 * @param expected the failure whose schedule it is
 * @param same     whether schedule and code are those of the failure: it must happen again then
 */
export function outcomeOf(replayed: Replayed, expected: Failure, same: boolean): Outcome {
  const outcome = seenIn(replayed, expected)
  return same && (outcome.kind === 'misfit' || outcome.kind === 'passes') ? { ...outcome, kind: 'differs' } : outcome
}

function seenIn({ result, interleaving }: Replayed, expected: Failure): Outcome {
  const { verdict, failures } = result
  const [found] = failures
  if (found === undefined) {
    const kinds = { pass: 'passes', inconclusive: 'unsure', lost: 'broken' } as const
    const kind = kinds[verdict as keyof typeof kinds] ?? 'otherwise'
    return { kind, text: verdict === 'pass' ? '' : `${verdict}: ${oneLine(result.reason ?? 'no reason is recorded')}` }
  }
  const same = found.oracle === expected.oracle && alike(found.message) === alike(expected.message)
  return {
    kind: found.oracle === SCHEDULE ? 'misfit' : same ? 'again' : 'otherwise',
    text: found.oracle === SCHEDULE ? oneLine(found.message) : `${found.oracle}: ${shortened(found.message)}`,
    ...(found.at !== undefined && { at: found.at }),
    ...(interleaving !== undefined && { interleaving }),
  }
}

/** Times and addresses may differ in what is the same failure. */
const alike = (message: string) => oneLine(message).replace(/0x[\da-f]+|\d+(\.\d+)?/gi, '#')

const WORDS: Readonly<Record<Kind, string>> = {
  again: '✖ fails again',
  otherwise: '✖ fails in another way',
  misfit: '? does not fit the code any more',
  differs: '? does something else on the same code',
  broken: '? could not be carried out',
  unsure: '~ says nothing',
  passes: '✔ no longer fails',
}

const COLOURS = {
  again: 'red',
  otherwise: 'red',
  misfit: 'yellow',
  differs: 'yellow',
  broken: 'yellow',
  unsure: 'yellow',
  passes: 'green',
} as const

/** The worst first, as for the exit status. */
const ORDER = ['again', 'otherwise', 'misfit', 'differs', 'broken', 'unsure', 'passes'] as const

/** A line for each kind of outcome, with how often it was seen where several replays were asked for. */
export function tellOutcomes(outcomes: readonly Outcome[], times: number, paint: Palette): string[] {
  return ORDER.flatMap(kind => {
    const same = outcomes.filter(outcome => outcome.kind === kind)
    if (same.length === 0) return []
    const [{ text, at }] = same
    const often = times > 1 ? `, ${same.length} of ${outcomes.length} times` : ''
    const line = `${paint(COLOURS[kind], WORDS[kind] + often)}${text === '' ? '' : `: ${text}`}`
    return at === undefined ? [line] : [line, `  ${paint('cyan', shownPlace(at))}`]
  })
}

const STATUS = {
  again: EXIT.failed,
  otherwise: EXIT.failed,
  misfit: EXIT.infrastructure,
  differs: EXIT.infrastructure,
  broken: EXIT.infrastructure,
  unsure: EXIT.inconclusive,
  passes: EXIT.ok,
} as const

export const statusOf = (outcomes: readonly Outcome[]): number =>
  STATUS[ORDER.find(kind => outcomes.some(outcome => outcome.kind === kind))!]
