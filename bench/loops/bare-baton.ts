/**
 * The least that an explorer can be: worker threads that add to one cell and hand one baton on. It traces
 * nothing, looks at no argument, knows neither waits nor spins nor failures, and its threads, operations and steps are
 * known beforehand.
 *
 * A process of its own, so that it can be kept on one CPU as a guest is.
 */
import { fileURLToPath } from 'node:url'
import { isMainThread, Worker, workerData } from 'node:worker_threads'
import { lowest, sizeOf } from '../../torture/explore/schedule/board.ts'
import { SharedRandom } from '../../torture/explore/schedule/random.ts'

export interface Shape {
  readonly threads: number
  /** Of each thread. */
  readonly operations: number
  readonly executions: number
  /** PCT, its depths 2 and 3 by turns as in `torture explore --strategy pct`, or the random walk. */
  readonly strategy: 'pct' | 'random'
}

/** Words of the shared memory: the generator, the execution, the sum of all, the cell, a priority and a turn a thread. */
const RANDOM = 0
const CHOICES = 4
const UNFINISHED = 5
const MOMENTS = 6
const LEAVE = 8
const SUM = 9
const THERE = 10
const CELL = 16
const PRIORITIES = 32
const TURNS = 64
/** A cache line a turn. */
const LINE = 16

interface Part extends Shape {
  readonly memory: SharedArrayBuffer
  readonly thread: number
}

class Player {
  readonly #words: Int32Array
  readonly #random: SharedRandom
  readonly #part: Part
  readonly #turn: number

  constructor(part: Part) {
    this.#words = new Int32Array(part.memory)
    this.#random = new SharedRandom(new Uint32Array(part.memory, 4 * RANDOM, 4))
    this.#part = part
    this.#turn = TURNS + LINE * part.thread
  }

  #pass(to: number): void {
    Atomics.store(this.#words, TURNS + LINE * to, 1)
    Atomics.notify(this.#words, TURNS + LINE * to, 1)
  }

  #wait(): void {
    const words = this.#words
    while (Atomics.load(words, this.#turn) === 0) Atomics.wait(words, this.#turn, 0)
    Atomics.store(words, this.#turn, 0)
  }

  #highest(): number {
    const words = this.#words
    let highest = -1
    for (let thread = 0; thread < this.#part.threads; thread++) {
      if ((words[UNFINISHED] & (1 << thread)) === 0) continue
      if (highest < 0 || words[PRIORITIES + thread] > words[PRIORITIES + highest]) highest = thread
    }
    return highest
  }

  #choose(): number {
    return this.#part.strategy === 'random' ? this.#any() : this.#byPriority()
  }

  #any(): number {
    let rest = this.#words[UNFINISHED]
    for (let n = this.#random.below(sizeOf(rest)); n > 0; n--) rest &= rest - 1
    return lowest(rest)
  }

  #byPriority(): number {
    const words = this.#words
    const now = ++words[CHOICES]
    let next = this.#highest()
    for (let n = 0; n < 2; n++) {
      if (words[MOMENTS + n] !== now) continue
      words[PRIORITIES + next] = n - 2
      next = this.#highest()
    }
    return next
  }

  /** True if it was the last one. */
  #play(): boolean {
    const words = this.#words
    const { thread, operations } = this.#part
    for (let n = 0; n < operations; n++) {
      const next = this.#choose()
      if (next !== thread) {
        this.#pass(next)
        this.#wait()
      }
      Atomics.add(words, CELL, 1)
    }
    words[UNFINISHED] &= ~(1 << thread)
    const last = words[UNFINISHED] === 0
    // From here on others run.
    if (!last) this.#pass(this.#choose())
    else if (thread !== 0) this.#pass(0)
    return last
  }

  serve(): void {
    Atomics.add(this.#words, THERE, 1)
    Atomics.notify(this.#words, THERE)
    for (;;) {
      this.#wait()
      if (this.#words[LEAVE] === 1) return
      this.#play()
    }
  }

  /** Thread 0: one execution after the other. */
  conduct(): void {
    const words = this.#words
    const { threads, operations, executions } = this.#part
    this.#random.seed(1)
    for (;;) {
      const there = Atomics.load(words, THERE)
      if (there === threads - 1) break
      Atomics.wait(words, THERE, there)
    }
    for (let n = 0; n < executions; n++) this.#execute(n)
    words[LEAVE] = 1
    for (let thread = 1; thread < threads; thread++) this.#pass(thread)
    if (words[SUM] !== executions * threads * operations) throw new Error('an addition was lost')
  }

  #execute(execution: number): void {
    const words = this.#words
    const { threads, operations } = this.#part
    const random = this.#random
    words[CELL] = 0
    words[CHOICES] = 0
    words[UNFINISHED] = 2 ** threads - 1
    for (let thread = 0; thread < threads; thread++) {
      const other = random.below(thread + 1)
      words[PRIORITIES + thread] = words[PRIORITIES + other]
      words[PRIORITIES + other] = thread
    }
    const steps = threads * (operations + 1) - 1
    for (let n = 0; n < 2; n++) words[MOMENTS + n] = n <= execution % 2 ? 1 + random.below(steps) : 0
    const first = this.#choose()
    if (first !== 0) {
      this.#pass(first)
      this.#wait()
    }
    if (!this.#play()) this.#wait()
    words[SUM] += Atomics.load(words, CELL)
  }
}

if (isMainThread) {
  const shape = JSON.parse(process.argv[2]) as Shape
  const memory = new SharedArrayBuffer(4 * (TURNS + LINE * shape.threads))
  for (let thread = 0; thread < shape.threads; thread++) {
    const part: Part = { ...shape, memory, thread }
    new Worker(fileURLToPath(import.meta.url), { workerData: part, execArgv: [] })
  }
} else {
  const part = workerData as Part
  const player = new Player(part)
  if (part.thread === 0) player.conduct()
  else player.serve()
}
