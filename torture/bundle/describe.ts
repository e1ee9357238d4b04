/**
 * The describe child: imports modules of the bundle it lies in and says on file descriptor 3 what they are. It runs
 * under limits of time and memory, because importing a file runs it.
 *
 * argv: `scenario:<module>` or `bug:<module>`, relative to this file.
 */
import { writeSync } from 'node:fs'
import { importFrom } from '../guest/load.ts'
import { textOf } from '../guest/report/report.ts'
import type { Bug, Scenario } from '../scenario.ts'
import { checkBug, checkScenario } from './contract.ts'
import type { Described, Told } from './describer.ts'

const say = (line: Told) => writeSync(3, `${JSON.stringify(line)}\n`)

async function describe(kind: string, module: string): Promise<Described> {
  const found = await importFrom(module, import.meta.url)
  const problem = kind === 'bug' ? checkBug(found) : checkScenario(found)
  if (problem !== undefined) return { problem }
  return kind === 'bug' ? { bug: describeBug(found as Bug) } : { scenario: describeScenario(found as Scenario) }
}

function describeScenario({ name, summary, tags, params, threads, roundMs, scale }: Scenario) {
  return {
    name,
    summary,
    tags: tags ?? [],
    params: params ?? {},
    threads: Object.entries(threads).map(([body, { count }]) => ({ name: body, count: count ?? 1 })),
    ...(roundMs !== undefined && { roundMs }),
    ...(scale !== undefined && { scale }),
  }
}

function describeBug(bug: Bug) {
  return { ...bug, oracle: [bug.oracle].flat() }
}

/** A module whose top level waits is given so long. Whoever is kept from a CPU is not waiting. */
const PATIENCE_MS = 10_000

let importing = ''
let begun = performance.eventLoopUtilization()
const waiting = setInterval(() => {
  if (performance.eventLoopUtilization(begun).idle < PATIENCE_MS) return
  say({ module: importing, problem: `importing it waits at top level for more than ${PATIENCE_MS / 1000} s` })
  process.exit(0)
}, 500)
waiting.unref()
// Nothing is left to do and the import has not ended: it waits for something that nobody will do.
process.once('beforeExit', () =>
  say({ module: importing, problem: 'importing it waits at top level for something that never comes' }),
)

for (const argument of process.argv.slice(2)) {
  const [, kind, module] = /^(\w+):(.*)$/s.exec(argument)!
  importing = module
  begun = performance.eventLoopUtilization()
  try {
    say({ module, ...(await describe(kind, module)) })
  } catch (error) {
    const thrown = error instanceof Error ? error : new Error(`threw ${textOf(error)}`)
    say({ module, thrown: { message: `${thrown.name}: ${thrown.message}`, stack: thrown.stack ?? '' } })
  }
}
// What an import left open (timers, workers) does not keep us.
process.exit(0)
