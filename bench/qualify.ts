/**
 * `npm run qualify [-- --seeds N --clean-runs N --only bugs,clean --continue]`: the claims that take long. Every bug
 * that stress is meant to find is found by the oracle that it names, with every seed; the built-in scenarios pass as
 * they are. Only the built command is used. The dated result goes to docs/qualification.md as soon as both parts are
 * complete; `--continue` goes on where an earlier one was broken off.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { packageRoot } from '../torture/paths.ts'
import { command, listBugs, listScenarios, Torture } from './qualify/command.ts'
import { Journal } from './qualify/journal.ts'
import { describeBugs, describeClean, page } from './qualify/page.ts'
import { runWithoutBug, triesOf } from './qualify/runs.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '30' },
    'clean-runs': { type: 'string', default: '50' },
    only: { type: 'string', default: 'bugs,clean' },
    continue: { type: 'boolean', default: false },
  },
})
const parts = values.only.split(',')
const unknown = parts.find(part => part !== 'bugs' && part !== 'clean')
if (unknown !== undefined) stop(`there is no part ${unknown}: bugs, clean`)
if (!existsSync(command)) stop('the command is not built: npm run build')
const seeds = countOf('seeds', values.seeds)
const cleanRuns = countOf('clean-runs', values['clean-runs'])

const folder = mkdtempSync(join(tmpdir(), 'torture-qualify-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
process.once('SIGINT', () => process.exit(130))
process.once('SIGTERM', () => process.exit(143))

const say = (line: string) => process.stdout.write(`${line}\n`)
const torture = new Torture(folder)
const journal = await Journal.open(values.continue)
const bugs = (await listBugs(torture)).filter(({ hardness }) => hardness !== 'X')
const scenarios = await listScenarios(torture)

if (parts.includes('bugs'))
  for (const bug of bugs) {
    if (journal.bugs.some(row => row.bug === bug.id && row.tries === seeds)) continue
    const row = await triesOf(torture, bug, seeds, say)
    if (row !== undefined) journal.add({ part: 'bugs', row })
  }
if (parts.includes('clean'))
  for (let seed = 1; seed <= cleanRuns; seed++) {
    if (journal.clean.some(run => run.seed === seed)) continue
    journal.add({ part: 'clean', run: await runWithoutBug(torture, scenarios, seed, say) })
  }

const rows = bugs.flatMap(({ id }) => journal.bugs.find(row => row.bug === id && row.tries === seeds) ?? [])
const runs = journal.clean.filter(({ seed }) => seed <= cleanRuns)
if (rows.length > 0) say(`\n${describeBugs(rows)}`)
if (runs.length > 0) say(`\n${describeClean(scenarios, runs)}`)
// A page without a bug that gave no answer would claim too much.
const complete = rows.length === bugs.length && runs.length === cleanRuns
if (complete) {
  const path = join(packageRoot, 'docs/qualification.md')
  writeFileSync(path, page({ entries: journal.entries, seeds, cleanRuns, rows, scenarios, runs }))
  say(`written to ${path}`)
} else
  say(`not complete, nothing written: ${rows.length} of ${bugs.length} bugs, ${runs.length} of ${cleanRuns} clean runs`)
const caught = rows.every(row => row.verdict === 'caught' && row.clean === row.controls)
process.exitCode = complete && caught && runs.every(({ passed }) => passed.length === scenarios.length) ? 0 : 1

function countOf(name: string, text: string): number {
  const count = Number(text)
  if (!Number.isInteger(count) || count < 1) stop(`--${name} ${text}: a number from 1 on is wanted`)
  return count
}

function stop(why: string): never {
  process.stderr.write(`qualify: ${why}\n`)
  process.exit(2)
}
