/**
 * One guest, seen from its main thread: starts the threads, watches them, keeps the record, gives the verdict. It never
 * blocks and never runs the scenario, so it can still speak when everything else has gone wrong.
 */

import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import type { Exploration, InstanceResult, PlannedInstance, StatsLine } from '../../results/schema.ts'
import { SCHEMA } from '../../results/version.ts'
import { explorerMemory } from '../explore/memory.ts'
import { CLOCK, type Control, cursorOf, MINE, makeControl, now, STATE, threadBase, WORD } from './control.ts'
import { HistoryMemory } from './history/history-memory.ts'
import { openCalls } from './history/open-calls.ts'
import { Chaos } from './jitter/chaos.ts'
import { type Seat, seatsOf } from './load.ts'
import type {
  FailureMessage,
  FinishedMessage,
  FromThread,
  ReadyMessage,
  SharedMessage,
  Stay,
  ToThread,
} from './messages.ts'
import type { Cell } from './report/cells.ts'
import type { NewFailure, Record } from './report/record.ts'
import { NEAR_SITE } from './report/report.ts'
import { type Counts, Tally, total } from './report/tally.ts'
import { cpuMs, resultOf, type Seen } from './report/verdict.ts'
import { Director } from './rounds/director.ts'
import { outcomeTable } from './rounds/outcomes.ts'
import { Placement } from './rounds/placement.ts'
import { sharedBy } from './sharing.ts'
import { evidenceLines, type Held, hangEvidence } from './watch/evidence.ts'
import { throttledMicros } from './watch/proc.ts'
import { mergeTrace } from './watch/trace.ts'
import { type Stuck, Watchdog } from './watch/watchdog.ts'

const TICK_MS = 10
const WATCH_MS = 100
const STATS_EVENT_MS = 250
const STATS_LINE_MS = 1000
/** How long threads may take to come home after a failure that ends the guest. */
const GRACE_MS = 500
/** Entries of each thread's recorder that a failure's trace shows. */
const TRACE_ENTRIES = 256
/**
 * Address space for a thread's code. From Node 24 on V8 would set aside 512 MiB in each, which count as data: the default
 * of `--max-memory` would hold three threads.
 */
const CODE_RANGE_MB = 64

export class Guest {
  readonly #instance: PlannedInstance
  readonly #record: Record
  readonly #control: Control
  readonly #seats: readonly Seat[]
  readonly #tally: Tally
  readonly #director: Director
  readonly #chaos: Chaos
  readonly #placement: Placement
  readonly #watchdog: Watchdog
  readonly #ports: MessagePort[] = []
  readonly #startedMs = now()
  readonly #availableCpus = availableParallelism()
  readonly #done: (result: InstanceResult) => void
  #throttledBefore: number | undefined
  #ready: ReadyMessage | undefined
  #held: Held | undefined
  #history: SharedMessage['history']
  /** Set when the end has begun: nothing more is started. */
  #ending = false
  #failedAt = 0
  #stopped = false
  #inconclusive: string | undefined
  #exploration: Exploration | undefined
  #unseen: readonly string[] = []
  #crash: string | undefined
  #announced = false
  readonly #next = { watch: 0, event: 0, line: 0 }

  /** @param done is called once, when the record is complete */
  constructor(instance: PlannedInstance, record: Record, done: (result: InstanceResult) => void) {
    this.#instance = instance
    this.#record = record
    this.#done = done
    this.#seats = seatsOf(instance.threads)
    this.#control = makeControl(this.#seats.length)
    this.#tally = new Tally(this.#control)
    this.#director = new Director(this.#control, instance.durationMs)
    this.#chaos = new Chaos(this.#control, instance)
    this.#placement = new Placement(this.#control)
    this.#watchdog = new Watchdog(this.#control, instance.hangAfterMs)
  }

  /** @param entry URL of a file in the bundle's folder */
  start(entry: string): void {
    const threads = this.#seats.length
    const { Piscina } = createRequire(new URL('./harness/', entry))('piscina') as typeof import('piscina')
    const pool = new Piscina({
      filename: fileURLToPath(new URL('./thread.js', entry)),
      minThreads: threads,
      maxThreads: threads,
      concurrentTasksPerWorker: 1,
      idleTimeout: Number.POSITIVE_INFINITY,
      recordTiming: false,
      resourceLimits: { codeRangeSizeMb: CODE_RANGE_MB },
      workerData: { torture: { bugs: this.#instance.bugs } },
    })
    // A worker that dies between tasks; one that dies in its task rejects it.
    pool.on('error', error => this.#crashed('a thread', error))
    const explorer = this.#instance.mode === 'explore' ? explorerMemory(threads) : undefined
    const toFirst = this.#seats.map(seat => (seat.thread === 0 ? undefined : new MessageChannel()))
    for (const seat of this.#seats) {
      const { port1: mine, port2: port } = new MessageChannel()
      this.#ports.push(mine)
      mine.on('message', (message: FromThread) => this.#receive(seat, message))
      const mouth = toFirst[seat.thread]?.port1
      const ears = seat.thread === 0 ? toFirst.map(channel => channel?.port2) : []
      const stay: Stay = {
        thread: seat.thread,
        instance: this.#instance,
        control: this.#control,
        port,
        ...(mouth === undefined ? {} : { toFirst: mouth }),
        fromOthers: ears,
        availableCpus: this.#availableCpus,
        ...(explorer && { explorer }),
      }
      const transferList = [port, mouth, ...ears].filter(it => it !== undefined)
      pool.run(stay, { transferList }).catch((error: Error) => this.#crashed(seat.label, error))
    }
    this.#throttledBefore = throttledMicros()
    setInterval(() => this.#tick(), TICK_MS)
  }

  /** Ends the present round in order and gives a verdict by what was seen. */
  stop(): void {
    this.#stopped = true
    Atomics.store(this.#control.words, WORD.hurry, 1)
    this.#director.stop()
    // Nothing to wait for before the first round.
    if (!this.#held) this.#end()
  }

  #receive(seat: Seat, message: FromThread): void {
    if (message.type === 'slot') this.#tally.name(seat.thread, message)
    else if (message.type === 'failure') this.#failed(message)
    else if (this.#ending) return
    else if (message.type === 'ready') this.#share(message)
    else if (message.type === 'finished') this.#finished(message)
    else {
      this.#inconclusive = message.reason
      this.#end()
    }
  }

  /** Hands what `setup` returned to every thread, thread 0 included: all see it as it travels. */
  #share(ready: ReadyMessage): void {
    this.#ready = ready
    this.#director.roundMs = ready.roundMs
    const message = sharedBy(ready, this.#seats.length, this.#instance.mode)
    this.#held = { shared: ready.shared, copies: message.copies }
    this.#history = message.history
    for (const port of this.#ports) port.postMessage(message)
  }

  #failed(message: FailureMessage): void {
    const { type: _, key: __, at, rings, written, cells, fatal, interleaving, ...fault } = message
    const trace = this.#traceOf(rings, written, cells)
    const files = { 'trace.json': trace, ...(interleaving && { 'interleaving.json': interleaving }) }
    this.#keep({ ...fault, atMs: this.#sinceGate(at) }, files)
    this.#failedAt ||= now()
    if (fatal) this.#end()
  }

  #keep(fault: NewFailure, files: Readonly<{ [name: string]: unknown }>): void {
    const failure = this.#record.failure(fault, files)
    if (failure) console.log(`${failure.oracle} in ${failure.thread}, round ${failure.round}: ${failure.message}`)
  }

  #traceOf(rings: Int32Array, written: readonly number[], cells: readonly Cell[]): unknown {
    const words = rings.length / this.#seats.length
    const perThread = this.#seats.map(({ thread, label }) => ({
      thread: label,
      entries: rings.subarray(words * thread, words * (thread + 1)),
      written: written[thread],
    }))
    const entries = mergeTrace(perThread, this.#ready?.sites ?? [], TRACE_ENTRIES)
    return { schema: SCHEMA, threads: this.#seats.map(seat => seat.label), entries, cells }
  }

  /** Thread 0 has led the last round. The scenario is asked only if its answer can change the verdict. */
  #finished({ exploration, inconclusive, unseen }: FinishedMessage): void {
    this.#drain()
    this.#exploration = exploration
    this.#unseen = unseen ?? []
    this.#inconclusive = inconclusive
    const asks = this.#ready?.asks && exploration === undefined && this.#record.failures.length === 0
    if (!asks || this.#availableCpus < this.#seats.length) {
      this.#end()
      return
    }
    this.#ports[0].postMessage({ type: 'conclude', counters: this.#tally.sum('counter') } satisfies ToThread)
  }

  /** A worker died under its thread. */
  #crashed(label: string, error: Error & { code?: string }): void {
    if (this.#ending) return
    const exited = /^worker exited with code: (-?\d+)$/.exec(error.message)
    const why = exited
      ? `its worker exited with status ${exited[1]} (process.exit?)`
      : `its worker died: ${error.message}`
    const { stack } = error
    // Noted before anything that was sent earlier is read: that may be thread 0's word that all is finished.
    this.#crash = `${label}: ${why}`
    this.#keep(
      {
        oracle: 'CRASH',
        message: why,
        thread: label,
        round: this.#round(),
        atMs: this.#sinceGate(now()),
        ...(exited || stack === undefined ? {} : { stack }),
      },
      {},
    )
    this.#drain()
    this.#end()
  }

  /** Saves what can be seen of a hang, and ends: stuck threads do not come back. */
  async #hung(stuck: readonly Stuck[], time: number): Promise<void> {
    this.#ending = true
    const survey = this.#watchdog.survey(time)
    const evidence = await hangEvidence(this.#control, this.#ports, this.#seats, stuck, survey, this.#held)
    const { message, threads, cells } = evidence
    const written = this.#seats.map(({ thread }) => Atomics.load(cursorOf(this.#control, thread), 0))
    const trace = this.#traceOf(new Int32Array(this.#control.rings), written, cells)
    this.#keep(
      {
        oracle: 'HANG',
        message,
        thread: this.#seats[stuck[0].thread].label,
        round: this.#round(),
        atMs: this.#sinceGate(time),
        details: { threads, lines: [...evidenceLines(evidence), ...this.#openCalls()] },
      },
      { 'trace.json': trace, 'hang.json': { schema: SCHEMA, ...evidence } },
    )
    this.#ending = false
    this.#end()
  }

  /** Of a scenario that has a history. */
  #openCalls(): string[] {
    if (this.#history === undefined) return []
    const memory = new HistoryMemory(this.#history.shape, this.#history.buffer)
    return openCalls(memory, this.#ready!.history!.operations, this.#seats)
  }

  #tick(): void {
    if (this.#ending) return
    const time = now()
    this.#director.tick(time)
    this.#chaos.tick(time)
    this.#placement.tick()
    const gate = this.#control.clock[CLOCK.gateOpened]
    if (gate !== 0 && !this.#announced) {
      this.#announced = true
      this.#record.emit({ type: 'firstWork', atMs: gate - performance.timeOrigin })
    }
    if (time >= this.#next.watch) {
      this.#next.watch = time + WATCH_MS
      const stuck = this.#watchdog.tick(time)
      if (stuck.length > 0) {
        void this.#hung(stuck, time)
        return
      }
    }
    this.#tell(time)
    const ended = this.#failedAt !== 0 && !this.#instance.keepGoing
    if (ended && time > this.#failedAt + GRACE_MS) this.#end()
  }

  #tell(time: number): void {
    if (time < this.#next.event) return
    this.#next.event = time + STATS_EVENT_MS
    const line = this.#statsLine(time)
    this.#record.emit({ type: 'stats', ...line })
    if (time < this.#next.line) return
    this.#next.line = time + STATS_LINE_MS
    this.#tally.takeSites()
    this.#record.recount(this.#tally.sum('failure'))
    this.#record.stats(line)
  }

  #statsLine(time: number): StatsLine {
    return {
      atMs: this.#sinceGate(time),
      rounds: this.#control.clock[CLOCK.rounds],
      counters: this.#counters(),
      nearMisses: total(this.#tally.sum('near')),
      failures: Math.max(this.#record.failures.length, total(this.#tally.sum('failure'))),
      cpuMs: cpuMs(),
      phase: this.#phase(time),
    }
  }

  #phase(time: number): StatsLine['phase'] {
    if (this.#ending) return 'done'
    if (!this.#held) return 'setup'
    if (this.#chaos.stuttering(time)) return 'stutter'
    const checking = Atomics.load(this.#control.words, threadBase(0) + MINE.state) === STATE.checking
    return checking ? 'check' : 'running'
  }

  #counters(): Counts {
    return { ...this.#tally.sum('counter'), ...this.#chaos.counters() }
  }

  /** Messages that have been sent and not yet been delivered: names of counters, failures. */
  #drain(): void {
    for (const [thread, port] of this.#ports.entries())
      for (let entry = receiveMessageOnPort(port); entry; entry = receiveMessageOnPort(port))
        this.#receive(this.#seats[thread], entry.message as FromThread)
  }

  /** Writes the end record. Nothing happens after it. */
  #end(): void {
    if (this.#ending) return
    this.#ending = true
    this.#drain()
    const result = resultOf(this.#instance, this.#seen())
    this.#record.stats(this.#statsLine(now()))
    this.#record.end(result)
    this.#done(result)
  }

  #seen(): Seen {
    const { clock } = this.#control
    const gate = clock[CLOCK.gateOpened]
    const { [NEAR_SITE]: _, ...sites } = this.#tally.sites(this.#ready?.sites ?? [])
    this.#record.recount(this.#tally.sum('failure'))
    const durationMs = gate === 0 ? 0 : Math.max(0, (clock[CLOCK.worked] || now()) - gate)
    const throttled = throttledMicros()
    const passedMs = now() - this.#startedMs
    const counters = this.#counters()
    const listed = this.#ready?.listed
    return {
      startedAt: new Date(this.#startedMs).toISOString(),
      durationMs,
      ...(gate === 0 ? {} : { firstWorkMs: gate - performance.timeOrigin }),
      rounds: clock[CLOCK.rounds],
      counters,
      ...(listed && { outcomes: outcomeTable(listed, counters) }),
      sites,
      nearMisses: this.#tally.sum('near'),
      failures: this.#record.failures,
      ...(this.#crash === undefined ? {} : { crash: this.#crash }),
      ...(this.#inconclusive === undefined ? {} : { inconclusive: this.#inconclusive }),
      ...(throttled === undefined || this.#throttledBefore === undefined
        ? {}
        : { throttled: Math.min(1, (throttled - this.#throttledBefore) / 1000 / passedMs) }),
      ...(this.#exploration === undefined ? {} : { exploration: this.#exploration }),
      unseen: this.#unseen,
      history: this.#history !== undefined,
      stopped: this.#stopped && durationMs < this.#instance.durationMs - TICK_MS,
    }
  }

  #round(): number {
    return this.#control.clock[CLOCK.rounds]
  }

  #sinceGate(time: number): number {
    const gate = this.#control.clock[CLOCK.gateOpened]
    return gate === 0 ? 0 : Math.max(0, Math.round(time - gate))
  }
}
