/**
 * The single source of all stored data: the types in `schema.ts` are derived from here, and so is the JSON schema in
 * docs. Loading this file loads valibot, so whoever needs types only imports `schema.ts`.
 */
import * as v from 'valibot'
import { interleaving, trace } from './evidence.ts'
import { FAILURE_ID, FOLDER_NAME, RUN_ID } from './names.ts'
import { about, count, counts, params, seed, text, time, version, whole } from './terms.ts'

export { interleaving, trace }

const folderName = v.pipe(v.string(), v.maxLength(200), v.regex(FOLDER_NAME, 'expected a name without slashes'))

const runId = v.pipe(v.string(), v.regex(RUN_ID, 'expected a run id such as 2026.11.20-23.49.00'))

const failureId = about(
  "`vma-lock.1/failures/1`, relative to the run's folder: also what `torture replay` takes.",
  v.pipe(v.string(), v.regex(FAILURE_ID, 'expected a failure such as vma-lock.1/failures/1')),
)

const verdict = v.picklist(['pass', 'fail', 'hang', 'crash', 'lost', 'inconclusive', 'skipped'])
const jitter = v.picklist(['off', 'low', 'high'])
const mode = v.picklist(['stress', 'explore'])
const bodies = about(
  'Thread bodies in the order of declaration, with their counts.',
  v.array(v.object({ name: v.string(), count: whole })),
)

export const STRATEGIES = ['portfolio', 'random', 'pct', 'pos', 'urw', 'bounded', 'dpor'] as const
export const MEMORY_MODELS = ['sc', 'tso', 'pso'] as const

const exploreOptions = about(
  'How the deterministic scheduler searches; the budget of time is `durationMs`.',
  v.object({
    strategy: v.picklist(STRATEGIES),
    executions: about('Most executions; 0: as many as the time allows.', whole),
    ops: about('How often `more()` says yes, per thread and execution.', whole),
    memoryModel: v.picklist(MEMORY_MODELS),
    focus: about('Names of cells (with `*`) at which threads are switched; none: learnt.', v.array(v.string())),
    schedule: v.exactOptional(about('Replay: nothing is searched, this schedule is carried out.', text)),
    expected: v.exactOptional(
      about('Replay: what each step was when it failed, `adder[0] load cells[0]`.', v.array(v.string())),
    ),
    hint: v.exactOptional(
      about(
        'Bridge: what is known of the failure under stress that is looked for.',
        v.object({
          round: about('The round that failed.', whole),
          sites: about('Sites that its threads passed last, the newest first.', v.array(v.string())),
        }),
      ),
    ),
    sibling: v.exactOptional(
      about(
        'Number among the guests that explore the same scenario side by side; 0 leads the systematic search.',
        whole,
      ),
    ),
  }),
)

const trial = about(
  'What `torture bugs` wants to know by it.',
  v.object({
    bug: v.string(),
    hardness: v.picklist(['E', 'D', 'X']),
    oracles: about('Those that may name the bug.', v.array(v.string())),
    control: v.exactOptional(
      about('The code without the bug: as this try, and at least as long as that took.', folderName),
    ),
  }),
)

export const plannedInstance = about(
  'One repetition of a scenario, resolved: a guest never asks the machine for a number.',
  v.object({
    name: about('`vma-lock.2`: unique in the plan, and the folder of the instance.', folderName),
    scenario: folderName,
    module: about("The scenario's module, relative to the folder of the bundle.", v.string()),
    mode,
    explore: v.exactOptional(exploreOptions),
    file: v.exactOptional(about("The user's scenario file, where it is none of the built-in ones.", v.string())),
    seed,
    params,
    defaults: v.exactOptional(about("The scenario's own values of those parameters that `params` changes.", params)),
    threads: bodies,
    bugs: v.array(v.string()),
    windows: v.exactOptional(v.array(v.string())),
    trial: v.exactOptional(trial),
    jitter,
    durationMs: count,
    hangAfterMs: count,
    bridgeMs: v.exactOptional(
      about('Stress: for so long a schedule is searched after a failure; absent or 0: none is.', count),
    ),
    maxMemory: about("Limit of the guest's data segment in bytes; 0: none.", count),
    keepGoing: v.boolean(),
    cpus: about('CPUs that it is packed as.', whole),
    oversubscribed: about('Whether it has more threads than the budget.', v.boolean()),
    node: v.exactOptional(about("Path of the Node binary, where not the runner's own.", v.string())),
    nodeArgs: v.exactOptional(about('Extra flags of the engine.', v.array(v.string()))),
    engine: v.exactOptional(
      about('Its point on the engine axes, where a run has several: `jitless`, `maglev node24.1.0`.', v.string()),
    ),
  }),
)

export const plan = about(
  '`plan.json`: everything that a run is going to do, written before anything starts.',
  v.object({
    schema: version,
    id: runId,
    torture: about('Version of the package.', v.string()),
    argv: v.array(v.string()),
    command: v.picklist(['run', 'rerun', 'scale', 'bugs', 'explore']),
    origin: v.exactOptional(about('Id of the run that this one repeats.', runId)),
    createdAt: time,
    seed,
    bundle: about('Hash of the bundle: its folder is `bundles/<hash>` beside the runs.', folderName),
    cpus: whole,
    failFast: v.boolean(),
    instances: v.array(plannedInstance),
    batches: about('Names of the instances that run side by side, batch after batch.', v.array(v.array(v.string()))),
  }),
)

export const failure = about(
  '`failures/<n>/failure.json`',
  v.object({
    schema: version,
    id: failureId,
    oracle: v.string(),
    message: text,
    seed,
    thread: about('`faulter[1]`, or `check`.', v.string()),
    round: whole,
    atMs: count,
    count: about('How often the same failure (oracle, and message without its numbers) was seen.', whole),
    stack: v.exactOptional(text),
    details: v.exactOptional(v.unknown()),
    schedule: v.exactOptional(text),
  }),
)

export const exploration = about(
  'What the deterministic scheduler did, and what that is worth.',
  v.object({
    executions: whole,
    strategies: about(
      'Executions of each strategy, in the order of their first use.',
      v.array(v.object({ name: v.string(), executions: whole, failures: whole })),
    ),
    threads: whole,
    longest: about('Most steps of one execution.', whole),
    choices: about('Most steps of one execution at which more than one thread could go.', whole),
    excluded: about('What the clean executions exclude, a sentence each.', v.array(v.string())),
    newPerThousand: about(
      'Interleavings among the last thousand executions that were not equivalent to an earlier one: an estimate, rather too high, since of executions of 16 steps and more only some are looked at.',
      count,
    ),
    focus: about('Cells at which threads were switched; `all` where nothing was narrowed.', v.array(v.string())),
    certificate: v.exactOptional(
      about('All classes of interleavings were explored: how many, and within which bounds.', text),
    ),
    unproved: v.exactOptional(about('Why there is no certificate although nothing was left to explore.', text)),
    uncontrolled: about('What was not under control, a sentence each.', v.array(v.string())),
    cutOff: about('Executions that were given up at the limit of steps.', whole),
    asksMore: v.exactOptional(
      about('Whether a body called `more()`: where none does, `--ops` changes nothing.', v.boolean()),
    ),
  }),
)

export const GRADES = ['acceptable', 'interesting', 'forbidden', 'unlisted'] as const

export const outcomeTable = about(
  'What the bodies returned, graded: those outcomes that the scenario lists, seen or not, and those that it does not.',
  v.object({
    arch: about('`x64`, `arm64`: of the machine that the threads ran on, on which grades may depend.', v.string()),
    observes: v.exactOptional(about('What the numbers of an outcome are, in their order.', v.array(v.string()))),
    rows: v.array(
      v.object({
        outcome: about('`0,1`: all numbers that the bodies returned, in their order.', text),
        count: whole,
        share: about('Of all rounds with an outcome, 0..1.', count),
        grade: v.picklist(GRADES),
        why: text,
      }),
    ),
  }),
)

const failures = about(
  'Each failure once, with its count.',
  v.array(
    v.object({
      id: failureId,
      oracle: v.string(),
      message: text,
      count: whole,
      atMs: v.exactOptional(about("When it was seen first: from the opening of the first round's gate.", count)),
      path: v.string(),
      at: v.exactOptional(about("`/home/ann/queue.ts:41:12`: the innermost line of the scenario's own code.", text)),
      history: v.exactOptional(
        about('Calls that no order explains: one column a thread, then why none goes on.', v.array(text)),
      ),
      schedule: v.exactOptional(about('What `torture replay` carries out; under explore only.', text)),
      found: v.exactOptional(
        about(
          'By which strategy, in which execution; under explore only.',
          v.object({ strategy: v.string(), executions: whole }),
        ),
      ),
    }),
  ),
)

export const bridge = about(
  'What the deterministic scheduler made of a failure under stress.',
  v.object({
    executions: whole,
    found: about('Whether it failed there as it did under stress.', v.boolean()),
    schedule: v.exactOptional(text),
    replay: v.exactOptional(about('What `torture replay` takes, relative to the run.', failureId)),
    sentence: about('What that says.', text),
  }),
)

export const instanceResult = about(
  "`verdict.json`: the guest's positive end record, or the judge's where there is none.",
  v.object({
    schema: version,
    name: folderName,
    scenario: v.string(),
    verdict,
    reason: v.exactOptional(about('One line: why it is not `pass`.', text)),
    by: v.picklist(['guest', 'judge']),
    host: v.string(),
    seed,
    params,
    threads: bodies,
    bugs: v.array(v.string()),
    jitter,
    startedAt: time,
    durationMs: about("Wall time of the work itself, from the opening of the first round's gate.", count),
    firstWorkMs: v.exactOptional(
      about('From the start of the guest process to the first progress of any thread.', count),
    ),
    cpuMs: count,
    rounds: whole,
    counters: counts,
    rates: about('Counters per second of `durationMs`.', counts),
    outcomes: v.exactOptional(outcomeTable),
    sites: about('How often each site was passed, by name.', counts),
    nearMisses: counts,
    availableCpus: about('CPUs that the guest could use.', whole),
    exploration: v.exactOptional(exploration),
    bridge: v.exactOptional(bridge),
    oversubscribed: v.boolean(),
    throttled: v.exactOptional(about('Share of the time that a cgroup throttled it, 0..1.', count)),
    blindSpots: about('What this instance could not have seen, a sentence each.', v.array(v.string())),
    failures,
  }),
)

export const runInstance = v.object({
  name: folderName,
  scenario: v.string(),
  host: v.string(),
  verdict,
  reason: v.exactOptional(text),
  seed,
  durationMs: count,
  rounds: whole,
  counters: counts,
  rates: counts,
  outcomes: v.exactOptional(outcomeTable),
  exploration: v.exactOptional(exploration),
  bridge: v.exactOptional(bridge),
  failures,
})

export const runSummary = about(
  '`run.json`: the summary, replaced as instances finish.',
  v.object({
    schema: version,
    id: runId,
    argv: v.array(v.string()),
    seed,
    bundle: folderName,
    startedAt: time,
    finishedAt: v.exactOptional(about('Absent until the run is final.', time)),
    runner: about(
      "The runner's process, so that a live run can be told from a dead one.",
      v.object({ pid: whole, host: v.string(), startTicks: v.exactOptional(whole) }),
    ),
    verdict: v.exactOptional(verdict),
    exitCode: v.exactOptional(whole),
    instances: about('The instances that ended, in the order in which they did.', v.array(runInstance)),
  }),
)

const statsEntries = {
  atMs: count,
  rounds: whole,
  counters: counts,
  nearMisses: whole,
  failures: whole,
  cpuMs: about('CPU time used by the guest so far.', count),
  phase: v.picklist(['setup', 'running', 'stutter', 'check', 'done']),
}

export const statsLine = about('One line of `stats.jsonl`: totals since the start.', v.object(statsEntries))

/** One line that a guest writes to its runner (file descriptor 3). Not stored. */
export const guestEvent = v.variant('type', [
  v.object({ type: v.literal('ready'), pid: whole }),
  v.object({ type: v.literal('firstWork'), atMs: count }),
  v.object({ type: v.literal('stats'), ...statsEntries }),
  v.object({ type: v.literal('failure'), failure }),
  v.object({ type: v.literal('end'), result: instanceResult }),
])

export const guestCommand = about(
  '`command.json`: run `command` by hand and the same guest starts, writing to a fresh folder.',
  v.object({
    schema: version,
    command: v.array(v.string()),
    env: v.record(v.string(), v.string()),
    bundle: v.string(),
    instance: plannedInstance,
  }),
)

export const runEvent = about(
  'One line of `events.jsonl`: what happened when. The first one carries `schema`.',
  v.looseObject({
    at: time,
    type: about(
      '`planned`, `started`, `ended`, `failure`, `interrupted`, `finished`, … ; other fields depend on it.',
      v.string(),
    ),
    instance: v.exactOptional(v.string()),
    host: v.exactOptional(v.string()),
  }),
)

/** The stored files by the name under which the JSON schema lists them. */
export const stored = {
  plan,
  runSummary,
  instanceResult,
  failure,
  trace,
  interleaving,
  guestCommand,
  statsLine,
  runEvent,
}
