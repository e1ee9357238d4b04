/** `--emit FILE`: a failing schedule as a `node:test` file that needs nothing but Node. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { execa } from 'execa'
import { replaceFile } from '../../../results/files.ts'
import { oneLine } from '../../../results/format.ts'
import { renderInterleaving } from '../../../results/reporters/interleaving.ts'
import { plainPalette } from '../../../results/reporters/palette.ts'
import type { Failure, Interleaving, PlannedInstance } from '../../../results/schema.ts'
import type { Bundle } from '../../bundle/manifest.ts'
import { version } from '../../paths.ts'
import type { EmittedInstance } from '../standalone/replay.ts'
import { oneFile } from './one-file.ts'
import { UNCONTROLLED } from './uncontrolled.ts'

export interface Emission {
  readonly failure: Failure
  readonly interleaving: Interleaving
  readonly instance: PlannedInstance
  /** That found it: its scenario and packages are what is copied. */
  readonly bundle: Bundle
  readonly file: string
}

/** Columns of the interleaving in the comment, and most lines of it. */
const WIDTH = 110
const MOST_LINES = 400
/** How long the copy may take to fail. */
const CHECK_MS = 60_000
/** How the copy's answer begins, whatever else the scenario prints. */
const ANSWER = 'torture answers: '

/**
 * Writes the test, after its copy has failed as the original did.
 * @throws Error of one line where the scenario needs what cannot be copied into one file
 */
export async function emitTest(emission: Emission): Promise<void> {
  const machinery = await oneFile(emission.bundle, emission.instance.module)
  await check(emission, machinery)
  replaceFile(emission.file, `${headOf(emission)}${theTest(emission)}\n${machinery}`)
}

/** Everything that a reader is to see first. What it names is defined at the end of the file. */
function headOf({ failure, interleaving, instance, bundle, file }: Emission): string {
  return `// Emitted by torture ${version}: a schedule that fails, as a test that needs nothing but Node.
//
// ${oneLine(`${failure.oracle} in ${failure.thread}: ${failure.message}`)}
//
${commented(interleaving)}
//
// Run it:
//
//     ${['node', ...(instance.nodeArgs ?? []), '--test', basename(file)].join(' ')}
//
// It fails every time, on any machine: threads are switched where SCHEDULE says, and nowhere else.
// This file holds a copy of the scenario and its packages as they were (bundle ${bundle.hash.slice(0, 12)}), further
// down. To try a fix, edit that copy; to test the fixed original, run torture replay or torture explore on it.

`
}

function commented(interleaving: Interleaving): string {
  const lines = renderInterleaving(interleaving, { width: WIDTH, paint: plainPalette }).split('\n')
  const left = lines.length - MOST_LINES
  const shown =
    left > 0 ? [`(${left} lines are left out: torture replay --trace shows them)`, ...lines.slice(left)] : lines
  return shown.map(line => `// ${line}`.trimEnd()).join('\n')
}

const constants = ({ failure, interleaving, instance }: Emission): string => `\
/** Steps of each thread, one after the other: a3b is three steps of the first thread, then one of the second. */
const SCHEDULE = ${JSON.stringify(failure.schedule ?? interleaving.schedule)}

const INSTANCE = ${JSON.stringify(known(instance), null, 2)}
`

const theTest = (emission: Emission): string => `${constants(emission)}
function defineTest(test, replay) {
  test(${JSON.stringify(oneLine(`${emission.instance.scenario}: ${emission.failure.message}`))}, { timeout: 60_000 }, async t => {
    const { failure, remark } = await replay(t.signal)
    if (remark !== undefined) t.diagnostic(remark)
    if (failure !== undefined) throw failure
  })
}
`

/** The same, to be asked by `check`. */
const theQuestion = (emission: Emission): string => `${constants(emission)}
async function defineTest(test, replay) {
  try {
    const { failure, remark } = await replay(AbortSignal.timeout(${CHECK_MS}))
    console.log('${ANSWER}' + JSON.stringify({ failure: failure?.message, remark }))
  } catch (error) {
    console.log('${ANSWER}' + JSON.stringify({ error: String(error?.message ?? error) }))
  }
}
`

/** Carries the copy out where nothing else lies beside it. */
async function check(emission: Emission, machinery: string): Promise<void> {
  const { failure, instance } = emission
  const folder = mkdtempSync(join(tmpdir(), 'torture-emit-'))
  try {
    const file = join(folder, 'copy.mjs')
    writeFileSync(file, `${theQuestion(emission)}\n${machinery}`)
    const node = instance.node ?? process.execPath
    const { stdout, stderr } = await execa(node, [...(instance.nodeArgs ?? []), file], {
      cwd: folder,
      reject: false,
      timeout: 2 * CHECK_MS,
    })
    const line = stdout.split('\n').findLast(text => text.startsWith(ANSWER))
    const answer: Answer = line === undefined ? { error: stderr.slice(0, 300) } : JSON.parse(line.slice(ANSWER.length))
    if (withoutNumbers(answer.failure ?? '').endsWith(withoutNumbers(failure.message))) return
    throw new Error(whyNot(answer))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

interface Answer {
  readonly failure?: string
  /** From where on the schedule did not fit. */
  readonly remark?: string
  /** It could not be carried out. */
  readonly error?: string
}

/** What kept the copy from failing as the original did. */
function whyNot({ failure, error }: Answer): string {
  if (error !== undefined) return `outside of its bundle the scenario cannot be carried out: ${oneLine(error)}`
  if (failure !== undefined) return `outside of its bundle the scenario fails in another way: ${oneLine(failure)}`
  return `carried out alone the schedule does not fail: ${UNCONTROLLED}`
}

const withoutNumbers = (text: string): string => oneLine(text).replace(/\d+/g, '#')

const known = ({ name, scenario, seed, params, threads, bugs, explore }: PlannedInstance): EmittedInstance => ({
  name,
  scenario,
  seed,
  params,
  threads,
  bugs,
  explore: { ops: explore!.ops, memoryModel: explore!.memoryModel },
})
