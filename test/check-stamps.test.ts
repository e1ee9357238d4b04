/** The DATA oracle's three rules, with drops that are only claimed: the counts are set by hand, and so is the page. */
import t from 'tap'
import { SharedStamps, Stamps } from '../lib/check/stamps.ts'
import { FAULT_SEGV } from '../lib/mm/fault/fault-codes.ts'
import { PAGE_LOG } from '../lib/mm/layout.ts'
import { DATA_AT } from '../lib/mm/memory.ts'
import { Machine, PRIVATE, SHARED, violationOf } from './helpers/memory.ts'

const PAGE = 9

class Trial {
  readonly m = new Machine('vma-lock')
  readonly #stamps: Stamps

  constructor() {
    this.m.on(0, task => task.mmap(0, 8, 16, PRIVATE))
    this.#stamps = this.m.on(0, task => new Stamps(task, 512))
  }

  /** Reads or writes the page; the oracle that fires, or the FAULT_ code. */
  touch(write: boolean): string | number {
    let code = -1
    const violation = violationOf(() => {
      code = this.m.on(0, () => this.#stamps.touch(PAGE, write))
    })
    return violation?.oracle ?? code
  }

  /** What the page holds for CPU 0. */
  get value(): number {
    return Atomics.load(this.m.w, this.#word)
  }

  set value(value: number) {
    Atomics.store(this.m.w, this.#word, value)
  }

  get #word(): number {
    return this.m.k.frames.at(this.m.frameOf(0, PAGE)) + DATA_AT
  }

  begin(): void {
    Atomics.add(this.m.w, this.m.mm(0).log(PAGE, PAGE_LOG.zap_begun), 1)
  }

  end(): void {
    Atomics.add(this.m.w, this.m.mm(0).log(PAGE, PAGE_LOG.zap_ended), 1)
  }
}

/** A page that was written, and what is done to it before it is read. */
function after(...steps: ((trial: Trial) => void)[]): string | number {
  const trial = new Trial()
  t.equal(trial.touch(true), 0)
  for (const step of steps) step(trial)
  return trial.touch(false)
}

const begin = (trial: Trial) => trial.begin()
const end = (trial: Trial) => trial.end()
const read = (trial: Trial) => t.equal(trial.touch(false), 0)
const zero = (trial: Trial) => {
  trial.value = 0
}
const other = (trial: Trial) => {
  trial.value += 1
}

t.test('not dropped: the word is what was written', async t => {
  t.equal(after(), 0)
  t.equal(after(zero), 'DATA', 'lost')
  t.equal(after(other), 'DATA', 'changed')
})

t.test('dropped since: the word is zero', async t => {
  t.equal(after(begin, end, zero), 0)
  t.equal(after(begin, end), 'DATA', 'what was dropped is still there')
  t.equal(after(begin, end, other), 'DATA')
  t.equal(after(begin, end, zero, read), 0)
  t.equal(after(begin, end, begin, zero), 0, 'one has ended, another is under way')
})

t.test('a drop overlaps: old or zero, nothing else', async t => {
  t.equal(after(begin), 0)
  t.equal(after(begin, zero), 0)
  t.equal(after(begin, other), 'DATA')
})

t.test('a drop that was under way at the last access proves nothing when it ends', async t => {
  t.equal(after(begin, read, end), 0)
  t.equal(after(begin, read, end, zero), 0)
  t.equal(after(begin, read, end, other), 'DATA')
  t.equal(after(begin, read, end, read, zero), 'DATA', 'but the access after it was in peace')
})

t.test('what was seen gone stays gone', async t => {
  const old = (trial: Trial) => {
    trial.value = 1
  }
  t.equal(after(begin, zero, read, old), 'DATA', 'the old value is back')
  t.equal(after(begin, zero, read, end, old), 'DATA')
})

t.test('a write is checked, too, and each writes another value', async t => {
  const trial = new Trial()
  const values = [1, 2, 3].map(() => {
    t.equal(trial.touch(true), 0)
    return trial.value
  })
  t.equal(new Set([0, ...values]).size, 4)
  other(trial)
  t.equal(trial.touch(true), 'DATA')
})

t.test('the message says who wrote what where', async t => {
  const m = new Machine('vma-lock', {}, [0, 1])
  m.on(0, task => task.mmap(1, 8, 16, PRIVATE))
  const stamps = m.on(1, task => new Stamps(task, 512))
  m.on(1, () => stamps.touch(PAGE, true))
  Atomics.store(m.w, m.k.frames.at(m.frameOf(1, PAGE)) + DATA_AT + 1, 77)
  t.equal(
    violationOf(() => m.on(1, () => stamps.touch(PAGE, false)))?.message,
    'page 9 of mm 1: cpu 1 wrote 1, the page was never dropped, and now it holds 77',
  )
})

t.test('real drops satisfy the rules', async t => {
  const trial = new Trial()
  for (let turn = 0; turn < 20; turn++) {
    t.equal(trial.touch(true), 0)
    t.equal(trial.touch(false), 0)
    if (turn % 2) trial.m.on(1, task => task.dontneed(0, 8, 16))
    if (turn % 3 === 0) trial.m.on(1, task => task.mmap(0, 8, 16, PRIVATE))
    t.equal(trial.touch(false), 0)
  }
  trial.m.on(1, task => task.munmap(0, 8, 16))
  t.equal(trial.touch(false), FAULT_SEGV, 'a fault is not a wrong value')
  trial.m.endAndAudit()
})

t.test('shared memory is never dropped', async t => {
  const m = new Machine('vma-lock')
  m.on(0, task => task.mmap(0, 8, 16, SHARED))
  m.on(0, task => task.mmap(0, 40, 48, SHARED))
  const stamps = m.on(0, task => new SharedStamps(task, 64))
  const touch = (vpn: number, write: boolean) => m.on(0, () => stamps.touch(vpn, vpn % 8, write))
  t.equal(touch(9, true), 0)
  t.equal(touch(41, false), 0, 'at the other place, too')
  m.on(1, task => task.dontneed(0, 8, 16))
  t.equal(touch(9, false), 0)
  t.equal(touch(60, false), FAULT_SEGV)
  const word = m.k.frames.at(m.frameOf(0, 9)) + DATA_AT
  Atomics.store(m.w, word, 0)
  const violation = violationOf(() => touch(41, true))
  t.equal(violation?.oracle, 'DATA')
  t.equal(violation?.message, 'shared page 1: cpu 0 wrote 1, and now it holds 0')
})
