/**
 * Absence of success is failure: a guest passes only by its own end record. Whatever else happened to it is told here,
 * from how its process ended and what it last said.
 */
import { oneLine } from './format.ts'
import { type InstanceResult, type PlannedInstance, SCHEMA, type Verdict } from './schema.ts'

/** How a guest's process ended. */
export interface GuestExit {
  readonly code?: number | undefined
  readonly signal?: string | undefined
  /** Why it could not even be started, in one line. */
  readonly startError?: string | undefined
  /** The runner killed it: it had said nothing for too long, or did not end when told to. */
  readonly timedOut?: boolean | undefined
  /** Its host cannot be reached any more, in one line. */
  readonly lost?: string | undefined
}

/** What the runner knows of a guest beside how it ended. */
export interface Evidence {
  /** The guest's end record: from its `end` event, or from the `verdict.json` that it wrote. */
  readonly record?: InstanceResult | undefined
  /** Why there is a record that cannot be read. */
  readonly problem?: string | undefined
  /** The end of `console.log`. */
  readonly console?: string
  readonly host?: string
  readonly startedAt?: string
  /** From the start of the process to its end. */
  readonly elapsedMs?: number
  /** The last totals that the guest sent, so that a crash does not hide the work that was done. */
  readonly stats?: Partial<Pick<InstanceResult, 'rounds' | 'counters' | 'cpuMs'>>
  /** The failures it reported before it was gone. */
  readonly failures?: InstanceResult['failures']
}

/** The result of an instance: the guest's own record if it is whole and the process ended as it says, else ours. */
export function judge(instance: PlannedInstance, exit: GuestExit, evidence: Evidence): InstanceResult {
  const { record } = evidence
  if (record !== undefined && belongs(record, instance)) {
    // A guest that died after its last word (of its own cleaning up, say) has not ended well, whatever that word was.
    const status = EXPECTED_EXIT[record.verdict]
    const died = status === undefined ? undefined : diedAfterwards(exit, status)
    return died === undefined ? record : { ...record, verdict: 'crash', by: 'judge', reason: died }
  }
  const [verdict, reason] = withoutRecord(instance, exit, evidence)
  return {
    schema: SCHEMA,
    name: instance.name,
    scenario: instance.scenario,
    verdict,
    reason,
    by: 'judge',
    host: evidence.host ?? 'local',
    seed: instance.seed,
    params: instance.params,
    threads: instance.threads,
    bugs: instance.bugs,
    jitter: instance.jitter,
    startedAt: evidence.startedAt ?? new Date().toISOString(),
    durationMs: evidence.elapsedMs ?? 0,
    cpuMs: evidence.stats?.cpuMs ?? 0,
    rounds: evidence.stats?.rounds ?? 0,
    counters: evidence.stats?.counters ?? {},
    rates: ratesOf(evidence.stats?.counters ?? {}, evidence.elapsedMs ?? 0),
    sites: {},
    nearMisses: {},
    availableCpus: 0,
    oversubscribed: instance.oversubscribed,
    blindSpots: [],
    failures: evidence.failures ?? [],
  }
}

const belongs = (record: InstanceResult, instance: PlannedInstance) =>
  record.schema === SCHEMA && record.name === instance.name && record.seed === instance.seed

/** Counters per second. */
export function ratesOf(counters: Readonly<Record<string, number>>, durationMs: number): Record<string, number> {
  if (durationMs <= 0) return {}
  return Object.fromEntries(Object.entries(counters).map(([name, n]) => [name, n / (durationMs / 1000)]))
}

/** How the process of a guest ends that found nothing wrong. */
const EXPECTED_EXIT: Readonly<Partial<Record<InstanceResult['verdict'], number>>> = { pass: 0, inconclusive: 4 }

function diedAfterwards({ code, signal, timedOut }: GuestExit, expected: number): string | undefined {
  if (timedOut) return 'the guest did not end after its last round and was killed'
  if (signal !== undefined) return `the guest was killed by ${signal} after its end record`
  return code === undefined || code === 0 || code === expected
    ? undefined
    : `the guest exited with ${code} after its end record`
}

/** Without a word from the guest: lost, hang, fail or crash, in the order of what explains most. */
function withoutRecord(instance: PlannedInstance, exit: GuestExit, evidence: Evidence): [Verdict, string] {
  if (exit.lost !== undefined) return ['lost', oneLine(exit.lost)]
  if (exit.startError !== undefined) return ['lost', `the guest could not be started: ${oneLine(exit.startError)}`]
  if (ranOutOfMemory(instance, exit, evidence.console ?? '')) return ['crash', outOfMemory(instance, exit)]
  const said = lastWords(evidence.console ?? '')
  if (exit.timedOut) return ['hang', `the guest stopped answering and was killed${said}`]
  const failure = evidence.failures?.[0]
  if (failure !== undefined)
    return ['fail', `${failure.oracle}: ${oneLine(failure.message)}; the guest ended before its record`]
  if (evidence.problem !== undefined) return ['crash', `its end record cannot be read: ${oneLine(evidence.problem)}`]
  if (exit.signal === 'SIGKILL') return ['crash', `killed by SIGKILL: by hand, or by a system short of memory${said}`]
  if (exit.signal !== undefined) return ['crash', `killed by ${exit.signal}${said}`]
  if (exit.code === 0)
    return ['crash', `exited with 0 before its end record: did the scenario call process.exit?${said}`]
  return ['crash', `exited with ${exit.code ?? 'no status'}${said}`]
}

/** V8 says so; an allocation that fails outside of it may abort without a word, which a limit explains. */
function ranOutOfMemory({ maxMemory }: PlannedInstance, { signal }: GuestExit, console: string): boolean {
  if (/out of memory|heap limit|array buffer allocation failed|ERR_WORKER_OUT_OF_MEMORY|bad_alloc/i.test(console)) {
    return true
  }
  return maxMemory > 0 && (signal === 'SIGABRT' || signal === 'SIGTRAP') && console.trim() === ''
}

function outOfMemory({ maxMemory }: PlannedInstance, { signal, code }: GuestExit): string {
  const how = signal ?? (code === undefined ? 'no status' : `exit ${code}`)
  const limit = maxMemory > 0 ? ` (--max-memory ${Math.round(maxMemory / (1 << 20))}MiB)` : ''
  return `out of memory${limit}: ${how}`
}

const LAST_LINES = 3
const MOST_LETTERS = 200

/** `; it last said: …`, without V8's dumps and the frames of stacks, which say little in one line. */
function lastWords(console: string): string {
  const lines = console
    .split('\n')
    .map(oneLine)
    .filter(line => line !== '' && !/^at |^Node\.js v|^\^+$|^\d+: 0x|^node:internal|^#/.test(line))
  if (lines.length === 0) return ''
  const said = lines.slice(-LAST_LINES).join(' | ')
  return `; it last said: ${said.length > MOST_LETTERS ? `…${said.slice(-MOST_LETTERS)}` : said}`
}

/** Exit status of a run, and the verdict that stands for it: the worst wins in the order 2, 1, 3, 4, 0. */
export interface Combined {
  readonly verdict: Verdict
  readonly exitCode: 0 | 1 | 3 | 4
}

const WORST_FIRST: readonly Verdict[] = ['fail', 'hang', 'crash', 'lost', 'inconclusive', 'pass', 'skipped']
const STATUS = { fail: 1, hang: 1, crash: 1, lost: 3, inconclusive: 4, pass: 0, skipped: 4 } as const

/**
 * The verdict of a run.
 * @param verdicts   of the instances that have one
 * @param unfinished how many have none: the run was cut off, which is no pass, yet nobody's fault
 */
export function combine(verdicts: Iterable<Verdict>, unfinished = 0): Combined {
  const seen = new Set(verdicts)
  const worst = WORST_FIRST.find(verdict => seen.has(verdict)) ?? 'inconclusive'
  if (unfinished > 0 && STATUS[worst] === 0) return { verdict: 'inconclusive', exitCode: 4 }
  return { verdict: worst, exitCode: STATUS[worst] }
}
