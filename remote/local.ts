/**
 * The local machine as a host like any other: the same agent, which goes on without us, and the same folders, so that
 * `torture hosts clean` knows them. Only the bundle stays where it lies.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { Duplex, type Readable, type Writable } from 'node:stream'
import { type BundleSource, type Carrier, type HostFacts, HostProblem, type HostSpec, type Reached } from './carrier.ts'
import { claimDirectory, directoryAt } from './host/directory.ts'
import { ownFacts } from './host/facts.ts'
import { RUNS } from './host/layout.ts'
import { troubleOf } from './host/problem.ts'

export function localCarrier(spec: HostSpec): Carrier {
  return {
    spec,
    async connect() {
      return guarded(spec, () => new LocalReached(spec))
    },
  }
}

class LocalReached implements Reached {
  readonly facts: HostFacts
  readonly closed: Promise<HostProblem | undefined>
  readonly #spec: HostSpec
  readonly #directory: string
  #bundle: BundleSource | undefined
  #settle: (problem: HostProblem | undefined) => void = () => {}
  #end: () => void = () => {}

  constructor(spec: HostSpec) {
    this.#spec = spec
    this.#directory = directoryAt(spec.directory)
    claimDirectory(this.#directory)
    this.facts = { ...ownFacts(this.#directory), hostname: hostname(), clockSkewMs: 0, roundTripMs: 0 }
    this.closed = new Promise(resolve => {
      this.#settle = resolve
    })
  }

  async ship(bundle: BundleSource): Promise<number> {
    this.#bundle = bundle
    return 0
  }

  async attach(run: string): Promise<Duplex> {
    const bundle = await this.#bundle!.dir
    const folder = join(this.#directory, RUNS, run)
    guarded(this.#spec, () => mkdirSync(folder, { recursive: true, mode: 0o700 }))
    const node = this.#spec.node ?? process.execPath
    const child = spawn(node, [join(bundle, 'agent.js'), 'attach', folder], {
      stdio: ['pipe', 'pipe', 'pipe'],
      cwd: this.#directory,
      env: { ...process.env, NODE_OPTIONS: '' },
      // A terminal sends its SIGINT to the whole group: only the driver is to hear it.
      detached: process.platform !== 'win32',
    })
    let said = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-1000)
    })
    const stream = streamOf(child)
    this.#end = () => child.kill()
    const over = (why: string) => {
      const problem = new HostProblem('cut', this.#spec.name, why)
      this.#settle(problem)
      stream.destroy(problem)
    }
    child.on('error', error => over(`${node} cannot be started: ${error.message}`))
    child.on('close', () => over(said.trim().split('\n').at(-1) || 'the agent has gone'))
    return stream
  }

  close(): void {
    this.#settle(undefined)
    this.#end()
  }
}

/** The agent's stdin and stdout as one stream. */
function streamOf({ stdin, stdout }: ChildProcessByStdio<Writable, Readable, Readable>): Duplex {
  // Whoever is gone is told of by the end of its process, which says more than that of its streams.
  stdin.on('error', () => {})
  const stream = new Duplex({
    read: () => stdout.resume(),
    write: (bytes, _encoding, done) => stdin.write(bytes, () => done()),
    final: done => stdin.end(() => done()),
    destroy: (error, done) => {
      stdin.destroy()
      stdout.destroy()
      done(error)
    },
  })
  stdout.on('data', bytes => !stream.push(bytes) && stdout.pause())
  return stream
}

function guarded<T>(spec: HostSpec, action: () => T): T {
  try {
    return action()
  } catch (error) {
    const { kind, message } = troubleOf(error, 'use this machine as a host')
    throw new HostProblem(kind, spec.name, message, { cause: error })
  }
}
