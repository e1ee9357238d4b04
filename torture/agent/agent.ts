/**
 * Supervises the guests of a run on a host, keeps what they leave until the driver has it, and goes on without the
 * driver with what it was given.
 */
import { once } from 'node:events'
import type { Socket } from 'node:net'
import {
  type AgentMessage,
  CHUNK_BYTES,
  type DriverMessage,
  encode,
  linesOf,
  PROTOCOL,
  parseDriverMessage,
} from '../../remote/protocol.ts'
import { removeFolder } from '../../results/files.ts'
import type { PlannedInstance } from '../../results/schema.ts'
import type { Bundle } from '../bundle/manifest.ts'
import { CpuPool } from '../runner/affinity.ts'
import { Attempt } from './attempt.ts'
import { carryOut } from './carry-out.ts'

/** A plan's instance with a schedule to carry out may be long. */
const LONGEST_ORDER = 64 << 20
/** A driver asks every 2 s whether we are here: one that says nothing for so long has lost its link. */
const SILENT_MS = 60_000
/** It was started for a driver that is about to speak to it. */
const GREETING_MS = 20_000

export class Agent {
  readonly #bundle: Bundle
  readonly #runDir: string
  readonly #exit: (code: number) => void
  readonly #attempts = new Map<string, Attempt>()
  readonly #cpus = new CpuPool()
  #driver: Socket | undefined
  /** Whether the driver has been told who speaks: nothing but a problem is said to it before. */
  #greeted = false
  #idleMs = GREETING_MS
  #idle: NodeJS.Timeout | undefined

  /** @param exit ends the process */
  constructor(bundle: Bundle, runDir: string, exit: (code: number) => void) {
    this.#bundle = bundle
    this.#runDir = runDir
    this.#exit = exit
    for (const attempt of Attempt.left(runDir)) this.#attempts.set(attempt.id, attempt)
    this.#rest()
  }

  /** A driver has come: the one before has lost its link, and may not know it yet. */
  attached(socket: Socket): void {
    this.#driver?.destroy()
    this.#driver = socket
    this.#greeted = false
    clearTimeout(this.#idle)
    socket.setNoDelay(true)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      if (this.#driver === socket) this.#driver = undefined
      this.#rest()
    })
    void this.#listen(socket)
  }

  end(code: number): void {
    for (const attempt of this.#attempts.values()) attempt.kill()
    this.#exit(code)
  }

  async #listen(socket: Socket): Promise<void> {
    const silent = setTimeout(() => socket.destroy(), SILENT_MS)
    try {
      for await (const line of linesOf(socket, LONGEST_ORDER)) {
        silent.refresh()
        this.#obey(parseDriverMessage(line))
      }
    } catch (error) {
      // A link that was cut says so too; nobody hears it.
      if (this.#driver === socket) this.#say({ type: 'problem', message: (error as Error).message.slice(0, 1000) })
    }
    clearTimeout(silent)
    socket.end()
  }

  #obey(message: DriverMessage): void {
    switch (message.type) {
      case 'hello':
        this.#greet(message.host, message.idleMs)
        break
      case 'assign':
        this.#assign(message.attempt, message.key, message.instance as PlannedInstance)
        break
      case 'stop':
        for (const attempt of this.#attempts.values())
          if (message.attempt === undefined || message.attempt === attempt.id) attempt.stop()
        break
      case 'fetch':
        void this.#hand(message.attempt, message.from)
        break
      case 'drop':
        this.#attempts.get(message.attempt)?.remove()
        this.#attempts.delete(message.attempt)
        break
      case 'ping':
        this.#say({ type: 'pong', n: message.n })
        break
      case 'bye':
        for (const attempt of this.#attempts.values()) attempt.remove()
        removeFolder(this.#runDir)
        this.end(0)
    }
  }

  /** Says what is here; what has ended may be fetched. */
  #greet(host: string, idleMs: number): void {
    // Guests put it into their records.
    process.env.TORTURE_HOST = host
    this.#idleMs = idleMs
    const all = [...this.#attempts.values()]
    const attempts = all.map(({ id, key, ended }) => ({
      attempt: id,
      key,
      state: ended === undefined ? ('running' as const) : ('ended' as const),
    }))
    this.#greeted = true
    this.#say({ type: 'hello', protocol: PROTOCOL, bundle: this.#bundle.dir, attempts })
    for (const attempt of all) this.#tellEnd(attempt)
  }

  /** The same order again is not obeyed twice. */
  #assign(id: string, key: string, instance: PlannedInstance): void {
    if (this.#attempts.has(id)) return
    try {
      const attempt = Attempt.create(Attempt.freeFolder(this.#runDir), id, key, instance)
      this.#attempts.set(id, attempt)
      void this.#run(attempt, instance)
    } catch (error) {
      this.#refuse(id, (error as Error).message)
    }
  }

  async #run(attempt: Attempt, instance: PlannedInstance): Promise<void> {
    const cpu = instance.mode === 'explore' ? this.#cpus.take() : undefined
    const wanted = () => this.#attempts.has(attempt.id)
    try {
      await carryOut(attempt, instance, { bundle: this.#bundle, cpu, say: message => this.#say(message), wanted })
      if (wanted()) this.#tellEnd(attempt)
    } catch (error) {
      this.#refuse(attempt.id, (error as Error).message)
    } finally {
      this.#cpus.giveBack(cpu)
      this.#rest()
    }
  }

  /** Not done, and not for a reason that lies in the instance: somebody else may do it. */
  #refuse(id: string, why: string): void {
    const attempt = this.#attempts.get(id)
    this.#attempts.delete(id)
    this.#say({ type: 'refused', attempt: id, why: why.slice(0, 1000) })
    attempt?.remove()
  }

  #tellEnd({ id, ended }: Attempt): void {
    if (ended !== undefined) this.#say({ type: 'ended', attempt: id, ...ended })
  }

  async #hand(id: string, from: number): Promise<void> {
    const attempt = this.#attempts.get(id)
    const driver = this.#driver
    if (attempt?.ended === undefined || driver === undefined) return
    try {
      let at = from
      for await (const bytes of attempt.read(from, CHUNK_BYTES)) {
        if (driver !== this.#driver || !this.#attempts.has(id)) return
        this.#say({ type: 'chunk', attempt: id, at, data: bytes.toString('base64') })
        at += bytes.length
        if (driver.writableNeedDrain) await Promise.race([once(driver, 'drain'), once(driver, 'close')])
      }
    } catch (error) {
      this.#refuse(id, (error as Error).message)
    }
  }

  #say(message: AgentMessage): void {
    if (!this.#greeted && message.type !== 'problem') return
    if (this.#driver?.writable) this.#driver.write(encode(message))
  }

  /** With nobody here and nothing to do it waits for a while and ends; what it keeps can be fetched from the next one. */
  #rest(): void {
    clearTimeout(this.#idle)
    const busy = [...this.#attempts.values()].some(({ ended }) => ended === undefined)
    if (this.#driver === undefined && !busy) this.#idle = setTimeout(() => this.#leave(), this.#idleMs)
  }

  #leave(): void {
    if (this.#attempts.size === 0) removeFolder(this.#runDir)
    this.end(0)
  }
}
