/**
 * The small interface between the fleet, which decides what runs where, and the ways to reach a machine. Who implements
 * it brings a bundle to a host and a stream to the agent there, and knows nothing of plans.
 */
import type { Duplex } from 'node:stream'

/** One machine of the fleet, as the user names it. */
export interface HostSpec {
  readonly name: string
  readonly carrier: 'ssh' | 'local'
  /** What the ssh configuration knows it by; default: its name. */
  readonly alias?: string
  readonly address?: string
  readonly port?: number
  readonly user?: string
  /** CPUs to use; default: what the host has for us. */
  readonly cpus?: number
  readonly tags?: readonly string[]
  /** Everything of ours on the host lies below it; default `.torture` in the user's home. */
  readonly directory?: string
  /** Path of its Node; default: the one in its PATH, or the one that was shipped. */
  readonly node?: string
}

export type ProblemKind =
  | 'config'
  | 'unreachable'
  | 'unknown-key'
  | 'changed-key'
  | 'revoked-key'
  | 'auth'
  | 'no-node'
  | 'old-node'
  | 'no-space'
  | 'no-permission'
  | 'not-ours'
  | 'damaged'
  | 'protocol'
  | 'cut'

/** Kinds after which trying again may help. */
const PASSING: readonly ProblemKind[] = ['unreachable', 'cut', 'damaged', 'no-space']

/** Why a host cannot be used. The message is one line that says what to do; it begins with the host's name. */
export class HostProblem extends Error {
  readonly kind: ProblemKind
  readonly host: string

  constructor(kind: ProblemKind, host: string, message: string, options?: ErrorOptions) {
    // Part of it may be what a host said: it shall stay one line, and not speak to the terminal.
    super(`${host}: ${message.replace(/\p{Cc}+/gu, ' ')}`, options)
    this.name = 'HostProblem'
    this.kind = kind
    this.host = host
  }

  /** Whether no retry helps: somebody must do something first. */
  get fatal(): boolean {
    return !PASSING.includes(this.kind)
  }
}

/** What a host said of itself when it was reached. */
export interface HostFacts {
  readonly hostname: string
  readonly platform: string
  readonly arch: string
  /** Version of its Node: '22.11.0'. */
  readonly node: string
  /** `availableParallelism()` of a process there: a mask counts. */
  readonly cpus: number
  /** The host's clock less ours; half a round trip is its error. */
  readonly clockSkewMs: number
  readonly roundTripMs: number
  /** Free in the file system of its directory. */
  readonly freeBytes: number
  /** Processes and threads that its user may have; absent where there is no such limit. */
  readonly mostProcesses?: number | undefined
}

/** What is to be on a host before an agent can start. */
export interface BundleSource {
  readonly hash: string
  /** The local folder that holds it, or will when the run is stored: what is there already does not wait for that. */
  readonly dir: string | Promise<string>
}

export interface StoredBundle extends BundleSource {
  readonly dir: string
}

export interface Carrier {
  readonly spec: HostSpec
  /** @throws {HostProblem} */
  connect(signal: AbortSignal): Promise<Reached>
}

export interface Reached {
  readonly facts: HostFacts
  /**
   * Sends what is missing of the bundle; what is there is verified, not sent again.
   * @returns bytes of the bundle that were sent: 0 if it was there
   * @throws {HostProblem}
   */
  ship(bundle: BundleSource): Promise<number>
  /**
   * Connects to the agent of a run; starts it if none runs. On the host the bundle's `agent.js attach <run's folder>`
   * has this stream as its stdin and stdout, and the host's directory as its working directory; the folder exists. It
   * finds its stdin paused: `pipe()` or `resume()` it. The stream ends when the link does; if the program fails, with an error that holds what it said last.
   * @param run names the run on the host, uniquely over all drivers and hosts: hosts may share a home over NFS
   * @throws {HostProblem}
   */
  attach(run: string, bundle: string): Promise<Duplex>
  /** Settles when the link is gone: with the problem, or undefined after `close()`. */
  readonly closed: Promise<HostProblem | undefined>
  close(): void
}

/**
 * An array of tasks for a batch system, which starts them when and where it likes. Each is to be started, on any node,
 * as `node agent.js task <folder> <index> <restart> <name of the node>`.
 */
export interface TaskArray {
  /** Tells it from all others: whoever was killed before the id was written down finds it by the name. */
  readonly name: string
  /** For people who look at the queue. */
  readonly comment: string
  /** Where the tasks find what they are to do, and leave what they did: the same path on each node. */
  readonly folder: string
  readonly node: string
  readonly agent: string
  /** Their indexes are 0 to this, exclusively. */
  readonly tasks: number
  readonly cpus: number
  /** What the longest of them may take. */
  readonly limitMs: number
}

/** What a batch system says of a task. Whether a task has done its work is not its to say: the results are. */
export type TaskState =
  /** `why`: what has to happen before it can start, where that is not just its turn; `hopeless`: and it never will. */
  | { readonly state: 'waiting'; readonly why?: string; readonly hopeless?: boolean }
  | { readonly state: 'running' }
  /** `why`: what ended it; undefined: its program, well. `again`: perhaps it is started again all the same. */
  | { readonly state: 'ended'; readonly why?: string; readonly again?: boolean }

export type TaskReport = TaskState & { readonly array: string; readonly index: number }

/** What a batch system can do for one array. */
export interface BatchLimits {
  /** CPUs that one task can have at most. */
  readonly cpus: number
  /** Tasks in one array. */
  readonly tasks: number
  /** CPUs of nodes by their names, as far as they are known. */
  readonly nodes: ReadonlyMap<string, number>
}

/** Why a batch system does not do what it is asked to, in one line that says what to do. */
export class BatchProblem extends Error {
  /** 2: what the user asked for is wrong; 3: the system is. */
  readonly exitCode: 2 | 3

  constructor(exitCode: 2 | 3, message: string, options?: ErrorOptions) {
    super(message.replace(/\p{Cc}+/gu, ' '), options)
    this.name = 'BatchProblem'
    this.exitCode = exitCode
  }
}

/** The other way to get work done: machines that nobody reaches, a queue, and a file system that all of them share. */
export interface BatchSystem {
  readonly name: string
  /** @throws {BatchProblem} */
  limits(): Promise<BatchLimits>
  /** Whether it would take such an array; nothing is submitted. @throws {BatchProblem} where it would not */
  check(array: TaskArray): Promise<void>
  /** @returns its id. @throws {BatchProblem} */
  submit(array: TaskArray): Promise<string>
  /** The id of the array of that name; undefined: there is none. @throws {BatchProblem} */
  find(name: string): Promise<string | undefined>
  /**
   * All that it knows of these arrays.
   * @param arrays their ids, with how many tasks each has
   * @throws {BatchProblem} where it does not answer
   */
  look(arrays: ReadonlyMap<string, number>): Promise<readonly TaskReport[]>
  /** Tasks of an array, or all of it. What has ended is left alone. @throws {BatchProblem} */
  cancel(array: string, indexes?: readonly number[]): Promise<void>
}
