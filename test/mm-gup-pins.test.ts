/** The oracle of pins: silent while a page is the one of its address, and not when it is another one. */
import t from 'tap'
import { type Content, LastingWords, Pins } from '../lib/check/pins.ts'
import { Stamps } from '../lib/check/stamps.ts'
import { FOLL_PIN } from '../lib/mm/gup/foll.ts'
import type { Gup } from '../lib/mm/gup/gup.ts'
import { FRAME, PG_ANON_EXCLUSIVE } from '../lib/mm/layout.ts'
import { DATA_AT } from '../lib/mm/memory.ts'
import { AT, ELSEWHERE, machine, WRITE } from './helpers/gup.ts'
import { type Machine, SHARED, violationOf } from './helpers/memory.ts'

t.test('the oracle of pins', async t => {
  const oracle = (m: Machine, gup: Gup) =>
    m.on(0, task => ({ pins: new Pins(task, gup), stamps: new Stamps(task, m.memory.options.pages) }))
  const exchange = (m: Machine, pins: Pins, write = true) => m.on(0, () => pins.exchange(pins.held[0], write))
  const drop = (m: Machine, pins: Pins) => m.on(0, () => pins.drop(pins.held[0]))

  t.test('is content with a device and a process that share a page, until it is dropped', async t => {
    for (const foll of [WRITE, FOLL_PIN]) {
      const { m, gup } = machine()
      m.write(0, AT, 0)
      const { pins, stamps } = oracle(m, gup)
      for (const get of [true, false]) m.on(0, () => t.equal(pins.take(AT, foll, get, stamps), 0))
      exchange(m, pins)
      exchange(m, pins, false)
      const compared = foll === WRITE ? 4 : 2
      t.equal(pins.stats.compared, compared)
      m.on(1, task => task.dontneed(0, AT, AT + 1))
      exchange(m, pins)
      t.same([pins.stats.compared, pins.stats.orphaned], [compared, foll === WRITE ? 1 : 0])
      while (pins.held.length > 0) drop(m, pins)
      m.endAndAudit()
    }
  })

  t.test('also of shared memory, which is not lost by being dropped', async t => {
    const { m, gup } = machine()
    m.on(0, task => task.mmap(0, 40, 44, SHARED))
    const { pins } = oracle(m, gup)
    const words: Content = m.on(0, task => new LastingWords(task, 40, 4))
    m.on(0, () => pins.take(41, WRITE, true, words))
    exchange(m, pins)
    m.on(1, task => task.dontneed(0, 40, 44))
    exchange(m, pins)
    t.equal(pins.stats.compared, 4)
    drop(m, pins)
    m.endAndAudit()
  })

  const damages: readonly [string, string, RegExp, (m: Machine, frame: number) => void][] = [
    [
      'a page that was copied away from under the device',
      'DATA',
      /pinned by cpu 0 as frame \d+: was never dropped, and the page translates to another frame/,
      m => {
        Atomics.and(m.w, m.k.frames.at(m.frameOf(0, AT)) + FRAME.flags, ~PG_ANON_EXCLUSIVE)
        m.on(1, task => task.mprotect(0, 8, 16, false))
        m.on(1, task => task.mprotect(0, 8, 16, true))
      },
    ],
    [
      'content that is not what was written',
      'DATA',
      /page 10 of mm 0/,
      (m, frame) => Atomics.add(m.w, m.k.frames.at(frame) + DATA_AT, 1),
    ],
    [
      'a frame that was freed',
      'FREE',
      /frame \d+ was freed while it was pinned/,
      (m, frame) => Atomics.add(m.w, m.k.frames.at(frame) + FRAME.gen, 1),
    ],
  ]
  for (const [what, name, message, damage] of damages) {
    t.test(`names ${what}`, async t => {
      const { m, gup } = machine()
      const { pins, stamps } = oracle(m, gup)
      m.on(0, () => pins.take(AT, WRITE, true, stamps))
      exchange(m, pins)
      damage(m, pins.held[0].frame)
      const violation = violationOf(() => exchange(m, pins))
      t.equal(violation?.oracle, name)
      t.match(violation?.message, message)
    })
  }

  t.test('names a page that is another one', async t => {
    const { m, gup } = machine()
    m.write(0, AT, 1)
    Atomics.store(m.w, m.k.frames.at(m.frameOf(0, AT)) + FRAME.index, ELSEWHERE)
    const { pins, stamps } = oracle(m, gup)
    const violation = violationOf(() => m.on(0, () => pins.take(AT, WRITE, true, stamps)))
    t.equal(violation?.oracle, 'DATA')
    t.match(violation?.message, /page 10 of mm 0 was pinned, and what was pinned is page 12/)
  })
})
