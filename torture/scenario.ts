/**
 * The public contract of a scenario: one file, one default export. Everything a scenario may say is here.
 *
 * The same definition runs under stress (real parallel threads), under explore (one thread at a time, a scheduler
 * decides before every atomic operation) and under replay, so nothing in it may depend on how it is run.
 */

/** What a parameter may be: it arrives from the command line (`--param adds=3`) and must survive JSON. */
export type ParamValue = number | string | boolean

/** A parameter of a scenario, as `--param name=value` sets it. A value that does not fit is bad usage. */
export interface ParamSpec<V extends ParamValue = ParamValue> {
  /** The value without `--param`; its type is the type that every other value must have. */
  readonly default: V
  /** One phrase, with the unit if there is one: "pages a faulting thread touches before it zaps them". */
  readonly describe: string
  /** The only values allowed, where there is a closed list. */
  readonly choices?: readonly V[]
  /** Inclusive limits of a number. */
  readonly min?: number
  readonly max?: number
}

/** The parameters of a scenario by name. */
export type ParamSpecs = Readonly<Record<string, ParamSpec>>

/** Literal defaults widen: a parameter with default 1 is a number. */
type Widen<V> = V extends number ? number : V extends boolean ? boolean : V extends string ? string : never

/** The values of the parameters by name: those given, otherwise the defaults. */
export type ParamValues<P> = { readonly [K in keyof P]: P[K] extends ParamSpec<infer V> ? Widen<V> : never }

/** A seeded generator (xoshiro128**), private to one thread and round; never allocates. */
export interface Random {
  /** An integer in [0, bound), bound in 1..2^32. */
  below(bound: number): number
  /** A 32-bit integer, signed. */
  int32(): number
  /** True once in `n` draws on average. */
  oneIn(n: number): boolean
}

/** How many threads a body gets: a number, or the CPUs of the plan's budget (less n, never below one). */
export type ThreadCount = number | 'cpus' | `cpus-${number}`

/** What `setup` is given. */
export interface SetupContext<P> {
  readonly params: ParamValues<P>
  /** The count of each body: `threads.adder === 2`. */
  readonly threads: Readonly<Record<string, number>>
  readonly random: Random
}

/** What `open` is given: the state as this thread sees it. */
export interface OpenContext<S, P> {
  readonly shared: S
  readonly params: ParamValues<P>
  /** Number of this thread among those of its body, from 0. */
  readonly index: number
  /** Number of this thread among all threads of the instance, from 0, in the order of declaration. */
  readonly thread: number
  readonly threads: Readonly<Record<string, number>>
  readonly random: Random
}

/** What a body's `run` is given. */
export interface RunContext<S, P, L> extends OpenContext<S, P> {
  /** What `open` returned, or undefined. */
  readonly local: L
  /**
   * Asks whether to go on; for long-running bodies: `while (more()) { … }`. It is where the harness stops a thread,
   * stutters it or lets it leave for a while, so it must be called holding nothing. After it returned false a body
   * must still let its peers finish.
   */
  readonly more: () => boolean
  /** Reports a failure and goes on. `details` must survive JSON. */
  readonly fail: (message: string, details?: unknown) => void
  /** Adds to a counter of the statistics (default 1). Cheap, yet not free: in hot loops add up and report now and then. */
  readonly count: (name: string, n?: number) => void
  /** A near miss: nothing was wrong, but it was close. Counted, and kept in the flight recorder. */
  readonly near: (message: string) => void
  /** Notes that an operation of the `history` begins. Its name is one of the model's. Call nothing else before `ret`. */
  readonly call: RecordCall
  /** Notes that it has ended, and what it returned; gives that back. */
  readonly ret: RecordReturn
}

/** What an operation of a history returned. True is the same as 1, false as 0; a list has eight numbers at most. */
export type Returned = number | boolean | undefined | readonly number[]
/** `call('enqueue', 7)`: an operation of the model and its numbers. */
export type RecordCall = (operation: string, a?: number, b?: number, c?: number) => void
/** `return ret(queue.dequeue())`: what an operation returned, as the model would. */
export type RecordReturn = <R extends Returned>(returned?: R) => R

/**
 * What one kind of thread does. `run` may return a number or a short list of numbers at no cost; anything else is
 * cloned.
 */
export interface ThreadBody<S, P, L> {
  readonly count?: ThreadCount
  /** Per thread and round: makes thread-local handles over what is shared, such as a package's class. */
  readonly open?: (context: OpenContext<S, P>) => L
  readonly run: (context: RunContext<S, P, L>) => unknown
  /** Called before and after the harness puts the thread to sleep inside `more()`: as a CPU goes idle and comes back. */
  readonly pause?: (local: L) => void
  readonly resume?: (local: L) => void
}

/** What `check` is given. */
export interface CheckContext<S, P> {
  readonly shared: S
  readonly params: ParamValues<P>
  /** What each thread's `run` returned: `threads.adder[0]`. */
  readonly threads: Readonly<Record<string, readonly any[]>>
  readonly count: (name: string, n?: number) => void
  readonly near: (message: string) => void
  /** As in bodies: what is called here, such as to take out what is left, comes after all that the threads called. */
  readonly call: RecordCall
  readonly ret: RecordReturn
}

/** One recorded call, as a model is asked about it. */
export interface ModelCall {
  readonly operation: string
  readonly args: readonly number[]
  /** Number of the thread, among all threads of the instance. */
  readonly thread: number
}

/** One way that an operation can go. */
export interface ModelEffect<M> {
  /** Left out: nothing. */
  readonly returns?: Returned
  /** The state afterwards, a new one if it is another. */
  readonly state: M
}

/** What a structure does when its operations come one after the other. `lib` has those of the usual ones, as `models`. */
export interface Model<M = any> {
  /** As in "not linearizable as a FIFO queue". */
  readonly name: string
  readonly operations: readonly string[]
  readonly initial: M
  /** The ways an operation can go in a state; undefined, or none: not now, as to lock a mutex that is held. */
  readonly apply: (state: M, call: ModelCall) => ModelEffect<M> | readonly ModelEffect<M>[] | undefined
  /** States with equal keys are the same. Default: their text as JSON. */
  readonly key?: (state: M) => string | number
  /** What an operation concerns, if it never matters to operations that concern something else; undefined: everything. */
  readonly partition?: (call: ModelCall) => number | undefined
}

/** Calls that bodies record are checked for linearizability. */
export interface HistorySpec<P> {
  readonly model:
    | Model
    | ((context: { readonly params: ParamValues<P>; readonly threads: Readonly<Record<string, number>> }) => Model)
  /** Instead of the model's. */
  readonly partition?: (call: ModelCall) => number | undefined
  /** `more()` says no when a thread has recorded so many calls. Default 12; at most 64. */
  readonly calls?: number
  /** Calls of the model that checking one history may take before it is given up as unknown. Default 100,000. */
  readonly budget?: number
  /**
   * How threads find out which calls had ended when one began. `observed` (default): each looks at what the others have
   * published, which costs least and may miss an end that has just come. `counted`: beginnings and ends draw numbers from
   * one shared counter, which misses none and makes all threads meet there. Explore needs neither.
   */
  readonly order?: 'observed' | 'counted'
}

/** What `inconclusive` is given: the counters of the whole instance. */
export interface Conclusion {
  readonly counters: Readonly<Record<string, number>>
  readonly params: Readonly<Record<string, ParamValue>>
}

/** One line of the table that `torture scale` makes: what is set, and what the line is called. */
export interface ScaleRow {
  /** Columns of the table: `{ vmas: 'own', mapper: false }`. */
  readonly labels: Readonly<Record<string, string | number | boolean>>
  readonly params?: Readonly<Record<string, ParamValue>>
  /** Threads of the bodies that are not swept; 0 is possible. */
  readonly threads?: Readonly<Record<string, number>>
}

/** How `torture scale` measures a scenario. */
export interface Scale {
  /** The body whose number of threads is swept. */
  readonly sweep: string
  /** The counter whose rate is the figure, and the figure's name: `{ name: 'faultsPerSecond', counter: 'pairs' }`. */
  readonly rate: { readonly name: string; readonly counter: string }
  /** A share to show beside it: `{ name: 'fastPathRate', part: 'faults.fast', of: 'faults' }`. */
  readonly share?: { readonly name: string; readonly part: string; readonly of: string }
  readonly rows: readonly ScaleRow[]
}

/** `forbidden` fails, `interesting` is worth a look, `acceptable` is neither. */
export type Grade = 'acceptable' | 'interesting' | 'forbidden'
/** One line of the table of a litmus test. */
export interface Outcome {
  readonly grade: Grade
  readonly why: string
}
/**
 * An outcome that is as it should be.
 * @param why one sentence
 */
export const acceptable = (why: string): Outcome => ({ grade: 'acceptable', why })
/**
 * An outcome that is allowed and rarely expected.
 * @param why one sentence
 */
export const interesting = (why: string): Outcome => ({ grade: 'interesting', why })
/**
 * An outcome that fails the round.
 * @param why one sentence: what it would break
 */
export const forbidden = (why: string): Outcome => ({ grade: 'forbidden', why })

/**
 * Graded outcomes by key: all numbers that the bodies returned, in the order of the threads, and those of `final`, joined
 * by commas.
 */
export type Outcomes = Readonly<Record<string, Outcome>>

/** What the grade of an outcome may depend on. */
export interface OutcomesContext<P> {
  readonly params: ParamValues<P>
  /** Of the machine that the threads run on, as `process.arch`: `x64`, `arm64`. */
  readonly arch: string
}

/** A scenario: what is shared, who works on it at the same time, and what must be true. */
export interface Scenario<S = any, P = any> {
  /** Unique name, as in `--scenario NAME`: lower case, digits, dashes. */
  readonly name: string
  readonly summary: string
  readonly tags?: readonly string[]
  readonly params?: P
  /** Once per guest. SharedArrayBuffers in what it returns are shared, and are this image again at every round's start. */
  readonly setup: (context: SetupContext<P>) => S
  readonly threads: Readonly<Record<string, ThreadBody<S, P, any>>>
  /** After all threads of a round have returned. Any error thrown is a failure. */
  readonly check?: (context: CheckContext<S, P>) => void
  /** A cheap invariant: evaluated by the explorer after every step, by the guest now and then. */
  readonly always?: (context: { readonly shared: S; readonly params: ParamValues<P> }) => void
  /** Graded outcomes of a litmus test; an outcome not listed is a failure. */
  readonly outcomes?: Outcomes | ((context: OutcomesContext<P>) => Outcomes)
  /** Numbers of the outcome that stand in memory when all threads have returned; they follow those returned. */
  readonly final?: (context: { readonly shared: S; readonly params: ParamValues<P> }) => number | readonly number[]
  /** What the numbers of an outcome's key are, in their order: heads of the columns of its table. */
  readonly observes?: readonly string[]
  /** Checks the calls that bodies record (`call`, `ret`) for linearizability, at the end of each round. */
  readonly history?: HistorySpec<P>
  /** Length of one round of long-running bodies in milliseconds. Default 1000. */
  readonly roundMs?: number
  /** How `torture scale` measures it; without, it has no scale. */
  readonly scale?: Scale
  /**
   * Says why a passed instance proves nothing, or returns undefined. Asked only under stress where the guest had at
   * least as many CPUs as threads.
   */
  readonly inconclusive?: (conclusion: Conclusion) => string | undefined
}

/**
 * Gives a scenario its types. Returns its argument: a plain object of the same shape does as well.
 * The first form types `local` after `open` where all bodies open the same type; in the second it is untyped.
 */
export function defineScenario<S, const P extends ParamSpecs, L>(
  scenario: Omit<Scenario<S, P>, 'threads'> & { readonly threads: Readonly<Record<string, ThreadBody<S, P, L>>> },
): Scenario<S, P>
export function defineScenario<S, const P extends ParamSpecs>(scenario: Scenario<S, P>): Scenario<S, P>
export function defineScenario(scenario: Scenario): Scenario {
  return scenario
}

/** What finds a bug: E random stress, D stress with delays, X only explored schedules. */
export type Hardness = 'E' | 'D' | 'X'

/** A positive control: a real defect, re-introduced on purpose at a site of `lib`. */
export interface Bug {
  /** As in `--bug ID`: lower case, digits, dashes. `lib` asks for it with `bug('ID')`. */
  readonly id: string
  readonly title: string
  /** What happened, in prose: the race, step by step, and what the one-line change of the mutant is. */
  readonly story: string
  /** Commit, CVE, paper or article. */
  readonly source: string
  /** Names of the scenarios it belongs to; the first is the one to show it with. */
  readonly scenarios: readonly string[]
  /** The site that its window is counted at. */
  readonly site: string
  /** The oracles that may name it, as in docs: FREE, GEN, REF, DATA, TLB, VMA, PT, HANG, CNT, …; the first is the usual one. */
  readonly oracle: string | readonly string[]
  /** E: random stress. D: needs delay injection. X: needs schedule exploration. */
  readonly hardness: Hardness
  /** Parameters that the bug fixes, over the scenario's defaults and the user's. */
  readonly params?: Readonly<Record<string, ParamValue>>
  readonly jitter?: 'off' | 'low' | 'high'
  /** The weaker memory that it takes: what `explore` searches with unless told otherwise. Then its hardness is X. */
  readonly memoryModel?: 'tso' | 'pso'
}

/** Gives a bug its types. Returns its argument. */
export function defineBug(bug: Bug): Bug {
  return bug
}
