/** Carries out a plan: whoever does the work, the books are kept in the same way. */
import type { Reporter } from '../../results/reporters/reporter.ts'
import type { Bundle } from '../bundle/manifest.ts'
import { EXIT } from '../errors.ts'
import { Books, type Ended, type OpenRun } from './books.ts'
import type { Crew } from './crew.ts'
import { LocalCrew } from './local.ts'

export type { Ended, OpenRun } from './books.ts'

/**
 * @param signals whether signals that ask this process to end are taken as an order to stop the run
 * @param hire    who does the work; default: this machine
 * @throws where the results cannot be written; no guest is left behind
 */
export async function runPlan(
  run: OpenRun,
  bundle: Bundle,
  reporter: Reporter,
  signals = true,
  hire: (books: Books) => Crew = books => new LocalCrew(books, bundle),
): Promise<Ended> {
  const books = new Books(run, reporter)
  const crew = hire(books)
  books.onStopped = ({ concerns }) => crew.stop(concerns)
  const release = signals ? onSignals(signal => interrupt(books, crew, signal)) : () => {}
  try {
    books.open()
    await crew.carryOut()
    return books.finish()
  } finally {
    crew.killAll()
    release()
    reporter.stop?.()
  }
}

/** The first signal asks for order, the second for an end. */
function interrupt(books: Books, crew: Crew, signal: NodeJS.Signals): void {
  if (books.interrupted) {
    crew.killAll()
    process.exit(signal === 'SIGINT' ? EXIT.interrupted : 143)
  }
  books.interrupt(signal)
  crew.stop()
}

/** Calls back on every signal that asks us to end; returns how to undo that. */
function onSignals(act: (signal: NodeJS.Signals) => void): () => void {
  const signals: NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP']
  for (const signal of signals) process.on(signal, act)
  return () => {
    for (const signal of signals) process.off(signal, act)
  }
}
