/**
 * `npm run qualify [-- --quick] [-- --only bugs,clean]`: the claims that take long. Every bug that stress is meant to
 * find is found by the oracle that it names, with every seed; the built-in scenarios pass as they are. Only the built
 * command is used. The dated result goes to docs/qualification.md, except where only a part was asked for.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { BugRow } from '../results/trials.ts'
import { packageRoot } from '../torture/paths.ts'
import { command, listBugs, listScenarios, Torture } from './qualify/command.ts'
import { describeBugs, describeClean, page } from './qualify/page.ts'
import { type CleanRow, runsWithoutBug, triesOf } from './qualify/runs.ts'

const { values } = parseArgs({ options: { quick: { type: 'boolean' }, only: { type: 'string' } } })
const parts = values.only?.split(',') ?? ['bugs', 'clean']
const unknown = parts.find(part => part !== 'bugs' && part !== 'clean')
if (unknown !== undefined) stop(`there is no part ${unknown}: bugs, clean`)
if (!existsSync(command)) stop('the command is not built: npm run build')
const seeds = values.quick ? 3 : 30
const cleanRuns = values.quick ? 3 : 50

const folder = mkdtempSync(join(tmpdir(), 'torture-qualify-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
const torture = new Torture(folder)
process.once('SIGINT', () => process.exit(130))
process.once('SIGTERM', () => process.exit(143))

const say = (line: string) => process.stdout.write(`${line}\n`)
const started = new Date()
const bugs: BugRow[] = []
const clean: CleanRow[] = []
let answered = true
if (parts.includes('bugs'))
  for (const bug of (await listBugs(torture)).filter(({ hardness }) => hardness !== 'X')) {
    const row = await triesOf(torture, bug, seeds, say)
    if (row === undefined) answered = false
    else bugs.push(row)
  }
if (parts.includes('clean'))
  clean.push(...(await runsWithoutBug(torture, await listScenarios(torture), cleanRuns, say)))

if (bugs.length > 0) say(`\n${describeBugs(bugs)}`)
if (clean.length > 0) say(`\n${describeClean(clean)}`)
// A page without a bug that gave no answer would claim too much.
if (values.only === undefined && answered) {
  const path = join(packageRoot, 'docs/qualification.md')
  writeFileSync(path, await page({ started, quick: values.quick === true, seeds, cleanRuns, bugs, clean }))
  say(`written to ${path}`)
}
const caught = bugs.every(row => row.verdict === 'caught' && row.tries === seeds && row.clean === seeds)
process.exitCode = answered && caught && clean.every(({ passed, runs }) => passed === runs) ? 0 : 1

function stop(why: string): never {
  process.stderr.write(`qualify: ${why}\n`)
  process.exit(2)
}
