/**
 * Elements that a writer replaces again and again, and that age by one with every grace period; readers that look how old
 * what they hold has become.
 */
import { violated } from '../../lib/check/oracle.ts'
import { objectAt } from '../../lib/shm/arena.ts'
import { CPU } from '../../lib/shm/cpu.ts'
import { struct } from '../../lib/shm/layout.ts'
import { Local, type Open, type Suite } from './rcu-flavour.ts'

/** Elements in the pool, and the age at which one returns to it. */
export const ELEMENTS = 100
const PIPELINE = 10

export const ELEMENT = struct('element', {
  age: '0 while current, 1 once replaced, then one more with every grace period',
  value: 'differs with every use of the element',
})
export const CURRENT = struct('current', { element: 'base of the element that readers find' })

/** The writer's pool: private, since only its thread takes from it, and its callbacks run on its thread. */
export class Writer extends Local {
  readonly #free: number[] = []
  /** Replaced, and aged by hand after each grace period that the writer waits for. */
  #removed: number[] = []
  #value = 0
  updates = 0
  callbacks = 0

  constructor(open: Open, suite: Suite<any>) {
    super(open, suite)
    for (let n = 1; n < ELEMENTS; n++) this.#free.push(objectAt(this.shared.elements, n))
  }

  update(): void {
    const fresh = this.#free.pop()
    if (fresh !== undefined) this.#replace(fresh)
    else this.awaitGracePeriodForAll()
    this.rcu.poll()
  }

  #replace(fresh: number): void {
    const { w } = this
    Atomics.store(w, fresh + ELEMENT.value, ++this.#value | 0)
    Atomics.store(w, fresh + ELEMENT.age, 0)
    const old = Atomics.exchange(w, this.shared.current.base + CURRENT.element, fresh)
    // Only now is it older than current: a reader that finds it later than this is one that held it.
    Atomics.store(w, old + ELEMENT.age, 1)
    this.updates++
    if (this.random.oneIn(3)) {
      this.#removed.push(old)
      this.awaitGracePeriodForAll()
    } else this.rcu.call(this.#aged, old)
  }

  awaitGracePeriodForAll(): void {
    this.awaitGracePeriod()
    this.#removed = this.#removed.filter(element => !this.#age(element))
  }

  readonly #aged = (element: number): void => {
    this.callbacks++
    if (!this.#age(element)) this.rcu.call(this.#aged, element)
  }

  /** One grace period older; whether it left the pipeline. */
  #age(element: number): boolean {
    if (Atomics.add(this.w, element + ELEMENT.age, 1) + 1 < PIPELINE) return false
    Atomics.add(this.w, element + ELEMENT.value, 1 << 30)
    this.#free.push(element)
    return true
  }

  /** All elements are somewhere. */
  audit(): void {
    this.rcu.barrier()
    const found = this.#free.length + this.#removed.length + 1
    if (found !== ELEMENTS) violated('CNT', `of ${ELEMENTS} elements ${found} are left once all callbacks have run`)
  }
}

export class Reader extends Local {
  reads = 0
  /** Reads whose element was replaced while they held it: the only ones that prove anything. */
  spanned = 0
  /** Reads that found two grace periods complete: no error in itself, and not to be expected either. */
  close = 0
  readonly #extends: boolean
  readonly #sleepable: boolean
  /** Sections that are open; the first is the one in which the element was found. */
  readonly #sections: number[] = []

  constructor(open: Open, suite: Suite<any>) {
    super(open, suite)
    this.#extends = suite.extends
    this.#sleepable = suite.sleepable
  }

  read(): void {
    const { w, rcu, random } = this
    this.#lock()
    const began = rcu.gracePeriods()
    const element = Atomics.load(w, this.shared.current.base + CURRENT.element)
    const value = Atomics.load(w, element + ELEMENT.value)
    this.#linger()
    // Segments overlap: new protection is taken before old is dropped, so there is no gap.
    for (let segments = 1 + random.below(8); segments > 0; segments--) {
      for (let more = 1 + random.below(2); more > 0; more--) this.#lock()
      this.#linger()
      for (let less = 1 + random.below(this.#sections.length - 1); less > 0; less--) this.#unlock()
    }
    const age = Atomics.load(w, element + ELEMENT.age)
    const changed = Atomics.load(w, element + ELEMENT.value) !== value
    const periods = rcu.gracePeriods() - began
    while (this.#sections.length > 0) this.#unlock()
    this.#judge(age, changed, periods)
  }

  #lock(): void {
    this.#sections.push(this.rcu.readLock())
  }

  /** Closes one of the sections, whichever; the first one last if it is the one that protects. */
  #unlock(): void {
    const sections = this.#sections
    const first = this.#extends || sections.length === 1 ? 0 : 1
    const at = first + this.random.below(sections.length - first)
    const section = sections[at]
    sections[at] = sections[sections.length - 1]
    sections.pop()
    this.rcu.readUnlock(section)
  }

  #judge(age: number, changed: boolean, periods: number): void {
    this.reads++
    if (age === 1) this.spanned++
    if (periods > 1) this.close++
    const seen = { age, gracePeriods: periods, recycled: changed }
    if (age > 1) violated('GEN', `a grace period was too short: a reader holds an element of age ${age}`, seen)
    if (changed) violated('GEN', 'an element was recycled under a reader', seen)
  }

  /** Rarely, the more rarely the more readers there are, a reader takes long: asleep, spinning, or off its core. */
  #linger(): void {
    const { random, params, readers, w, cpu } = this
    const nap = cpu.base + CPU.nap
    const rarely = params.shortReadEvery * readers
    if (random.oneIn(params.longReadEvery * readers)) {
      if (this.#sleepable) cpu.idle()
      Atomics.wait(w, nap, 0, params.longReadMs)
      if (this.#sleepable) cpu.run()
    } else if (random.oneIn(rarely)) random.oneIn(2) ? spinFor(0.2) : Atomics.wait(w, nap, 0, 0)
    else cpu.delay(random.below(8))
  }
}

function spinFor(ms: number): void {
  const until = performance.now() + ms
  while (performance.now() < until);
}
