/** mremap: what moves, what stays, what is found at which address, under each policy; and what failures leave behind. */
import t from 'tap'
import { DONE, EINVAL, ENOMEM } from '../lib/mm/call/mmap.ts'
import { ANYWHERE, EFAULT, STAY } from '../lib/mm/call/mremap.ts'
import { FAULT_SEGV } from '../lib/mm/fault/fault-codes.ts'
import { FRAME, VMA } from '../lib/mm/layout.ts'
import { POLICIES } from '../lib/mm/policy/policy.ts'
import { rmapWalk } from '../lib/mm/rmap/rmap.ts'
import { findPmd } from '../lib/mm/table/page-table.ts'
import { Machine, PRIVATE, READ_ONLY, SHARED } from './helpers/memory.ts'

/** Where the page of a frame is found through its anon_vma or object. */
function foundAt(m: Machine, frame: number): number[] {
  const found: number[] = []
  m.on(0, task => rmapWalk(task.k, frame, (_mm, _vma, vpn) => found.push(vpn)))
  return found
}

/** Writes its own number to each page of [start, end). */
function fill(m: Machine, start: number, end: number, cpu = 0): void {
  for (let vpn = start; vpn < end; vpn++) m.write(cpu, vpn, vpn)
}

const range = (start: number, end: number) => Array.from({ length: end - start }, (_, n) => start + n)

for (const policy of POLICIES) {
  t.test(policy, async t => {
    t.test('pages move with what they hold, and their old addresses are unmapped', async t => {
      const m = new Machine(policy)
      m.on(0, task => task.mmap(0, 8, 16, PRIVATE))
      fill(m, 8, 15)
      m.read(1, 9)
      const frames = range(8, 15).map(vpn => m.frameOf(0, vpn))
      m.on(0, task => t.equal(task.mremap(0, 8, 16, { pages: 8, to: 43 }), 43))
      t.same(m.borders(), [[43, 51]])
      for (const cpu of [0, 1])
        t.same(
          range(8, 16).map(vpn => m.read(cpu, vpn, 0)),
          Array(8).fill(-FAULT_SEGV),
        )
      t.same(
        range(43, 51).map(vpn => m.read(1, vpn, 0)),
        [...range(8, 15), 0],
      )
      t.same(
        range(43, 50).map(vpn => m.frameOf(0, vpn)),
        frames,
        'the same frames',
      )
      for (const [n, frame] of frames.entries()) t.same(foundAt(m, frame), [43 + n])
      m.endAndAudit()
    })

    t.test('a piece of a mapping moves out of its middle', async t => {
      const m = new Machine(policy)
      m.on(0, task => task.mmap(0, 8, 24, PRIVATE))
      fill(m, 8, 24)
      m.on(0, task => t.equal(task.mremap(0, 12, 16, { pages: 4, to: 100 }), 100))
      t.same(m.borders(), [
        [8, 12],
        [16, 24],
        [100, 104],
      ])
      t.same(
        range(100, 104).map(vpn => m.read(0, vpn)),
        range(12, 16),
      )
      t.equal(m.read(0, 11), 11)
      t.equal(m.read(0, 16), 16)
      t.same(foundAt(m, m.frameOf(0, 101)), [101])
      m.on(0, task => t.equal(task.mremap(0, 100, 104, { pages: 4, to: 12 }), 12))
      t.same(m.borders(), [[8, 24]], 'back at its place it is one VMA again')
      for (const vpn of range(8, 24)) t.same(foundAt(m, m.frameOf(0, vpn)), [vpn])
      m.endAndAudit()
    })

    t.test('shared pages move too', async t => {
      const m = new Machine(policy)
      m.on(0, task => task.mmap(0, 8, 16, { ...SHARED, offset: 4 }))
      fill(m, 8, 16)
      const frame = m.frameOf(0, 9)
      m.on(0, task => t.equal(task.mremap(0, 8, 16, { pages: 8, to: 30 }), 30))
      t.same(
        range(30, 38).map(vpn => m.read(1, vpn, 0)),
        range(8, 16),
      )
      t.same(foundAt(m, frame), [31])
      m.endAndAudit()
    })

    t.test('a leaf table that moves as a whole stays the same table', async t => {
      const m = new Machine(policy)
      m.on(0, task => task.mmap(0, 8, 32, PRIVATE))
      fill(m, 8, 32)
      const tableOf = (vpn: number) => Atomics.load(m.w, findPmd(m.k, m.mm(0), vpn))
      const tables = [8, 16, 24].map(tableOf)
      m.on(0, task => t.equal(task.mremap(0, 10, 32, { pages: 22, to: 66 }), 66))
      t.same([72, 80].map(tableOf), tables.slice(1))
      t.not(tableOf(66), tables[0], 'the first one is still needed at the old place')
      t.same(
        range(66, 88).map(vpn => m.read(1, vpn, 0)),
        range(10, 32),
      )
      t.equal(m.read(0, 9), 9)
      for (const vpn of range(66, 88)) t.same(foundAt(m, m.frameOf(0, vpn)), [vpn])
      m.endAndAudit()
    })

    t.test('a move to another place within a table is one entry at a time', async t => {
      const m = new Machine(policy, { tableBits: 5 })
      m.on(0, task => task.mmap(0, 2, 6, PRIVATE))
      fill(m, 2, 6)
      const tables = m.k.tables.live()
      m.on(0, task => t.equal(task.mremap(0, 2, 6, { pages: 4, to: 20 }), 20))
      t.equal(m.k.tables.live(), tables)
      t.same(
        range(20, 24).map(vpn => m.read(1, vpn, 0)),
        range(2, 6),
      )
      m.endAndAudit()
    })

    t.test('what lay at the new place is gone', async t => {
      const m = new Machine(policy)
      m.on(0, task => task.mmap(0, 8, 16, PRIVATE))
      m.on(0, task => task.mmap(0, 40, 56, PRIVATE))
      fill(m, 8, 16)
      fill(m, 40, 56)
      const free = m.freeFrames()
      m.on(0, task => t.equal(task.mremap(0, 8, 16, { pages: 8, to: 44 }), 44))
      t.equal(m.freeFrames(), free + 8)
      t.same(
        range(40, 56).map(vpn => m.read(1, vpn, 0)),
        [40, 41, 42, 43, ...range(8, 16), 52, 53, 54, 55],
      )
      m.endAndAudit()
    })

    t.test('shrinking gives up the tail, in place or on the way', async t => {
      const m = new Machine(policy)
      m.on(0, task => task.mmap(0, 8, 16, PRIVATE))
      fill(m, 8, 16)
      m.on(0, task => t.equal(task.mremap(0, 8, 16, { pages: 6, to: STAY }), 8))
      t.same(m.borders(), [[8, 14]])
      m.on(0, task => t.equal(task.mremap(0, 8, 14, { pages: 2, to: 40 }), 40))
      t.same(m.borders(), [[40, 42]])
      t.same([m.read(0, 40), m.read(0, 41)], [8, 9])
      m.on(0, task => t.equal(task.mremap(0, 40, 42, { pages: 2, to: STAY }), 40, 'nothing to do'))
      m.endAndAudit()
    })

    t.test('growing uses the room behind, else moves if it may', async t => {
      const m = new Machine(policy)
      m.on(0, task => task.mmap(0, 8, 12, PRIVATE))
      m.on(0, task => task.mmap(0, 20, 24, READ_ONLY))
      fill(m, 8, 12)
      m.on(0, task => t.equal(task.mremap(0, 8, 12, { pages: 12, to: STAY }), 8))
      t.same(m.borders(), [
        [8, 20],
        [20, 24],
      ])
      t.equal(m.write(0, 19, 19), 0)
      m.on(0, task => t.equal(task.mremap(0, 8, 20, { pages: 13, to: STAY }), -ENOMEM))
      m.on(0, task => t.equal(task.mremap(0, 8, 20, { pages: 13, to: ANYWHERE }), 24))
      t.same(m.borders(), [
        [20, 24],
        [24, 37],
      ])
      t.same([m.read(0, 24), m.read(0, 27), m.read(0, 35), m.read(0, 36)], [8, 11, 19, 0])
      m.on(0, task => t.equal(task.mremap(0, 24, 37, { pages: 500, to: ANYWHERE }), -ENOMEM, 'no such hole'))
      m.endAndAudit()
    })

    t.test('growing into a hole before one of its own kind closes it', async t => {
      const m = new Machine(policy)
      m.on(0, task => task.mmap(0, 8, 32, PRIVATE))
      m.on(0, task => task.munmap(0, 16, 24))
      m.on(0, task => t.equal(task.mremap(0, 8, 16, { pages: 16, to: STAY }), 8))
      t.same(m.borders(), [[8, 32]])
      m.endAndAudit()
    })

    t.test('left behind, the old VMA is empty and its pages are new ones', async t => {
      const m = new Machine(policy)
      m.on(0, task => task.mmap(0, 8, 16, PRIVATE))
      fill(m, 8, 16)
      m.on(0, task => t.equal(task.mremap(0, 8, 16, { pages: 8, to: ANYWHERE, keep: true }), 0))
      t.same(m.borders(), [
        [0, 8],
        [8, 16],
      ])
      const [moved, left] = m.vmas()
      t.equal(Atomics.load(m.w, left + VMA.anon_vma), 0)
      t.not(Atomics.load(m.w, moved + VMA.anon_vma), 0)
      t.same(
        range(0, 16).map(vpn => m.read(1, vpn, 0)),
        [...range(8, 16), 0, 0, 0, 0, 0, 0, 0, 0],
      )
      t.equal(m.write(0, 8, 100), 0)
      t.same([m.read(0, 0), m.read(0, 8)], [8, 100])
      t.same(foundAt(m, m.frameOf(0, 0)), [0])
      t.same(foundAt(m, m.frameOf(0, 8)), [8])
      m.endAndAudit()
    })

    t.test('a mapping of an object that is left behind finds its pages again', async t => {
      const m = new Machine(policy)
      m.on(0, task => task.mmap(0, 8, 16, SHARED))
      fill(m, 8, 16)
      const frame = m.frameOf(0, 9)
      m.on(0, task => t.equal(task.mremap(0, 8, 16, { pages: 8, to: 40, keep: true }), 40))
      t.same(foundAt(m, frame), [41])
      t.same([m.read(1, 9, 0), m.read(1, 41, 0)], [9, 9])
      t.same(foundAt(m, frame).sort(), [41, 9])
      m.endAndAudit()
    })

    t.test('an untouched mapping takes the numbers of its new place, and joins its neighbours there', async t => {
      const m = new Machine(policy)
      m.on(0, task => task.mmap(0, 8, 16, PRIVATE))
      m.on(0, task => task.mmap(0, 40, 48, PRIVATE))
      m.read(0, 8)
      m.on(0, task => t.equal(task.mremap(0, 8, 16, { pages: 8, to: 48 }), 48))
      t.same(m.borders(), [[40, 56]])
      t.equal(m.read(0, 48), 0)
      m.endAndAudit()
    })

    t.test('a copy in a forked child is found through both', async t => {
      const m = new Machine(policy, { mms: 3, firstMms: 2 })
      m.on(0, task => task.mmap(0, 8, 16, PRIVATE))
      fill(m, 8, 16)
      const child = m.on(0, task => task.fork())
      const frame = m.frameOf(0, 9)
      m.on(0, task => t.equal(task.mremap(0, 8, 16, { pages: 8, to: 64 }), 64))
      t.same(foundAt(m, frame).sort(), [65, 9], 'the parent has moved, the child has not')
      m.on(0, task => t.equal(task.mremap(child, 8, 16, { pages: 8, to: 100 }), 100))
      t.same(foundAt(m, frame).sort(), [101, 65])
      t.equal(m.write(0, 65, 7), 0)
      t.same(foundAt(m, frame), [101])
      m.on(0, task => task.exit(child))
      m.endAndAudit()
    })

    t.test('what is not possible is refused', async t => {
      const m = new Machine(policy)
      const { pages } = m.memory.options
      m.on(0, task => task.mmap(0, 8, 16, PRIVATE))
      m.on(0, task => task.mmap(0, 16, 24, READ_ONLY))
      m.on(0, task => task.mmap(0, 32, 40, { ...SHARED, offset: 56 }))
      const results = m.on(0, task => [
        task.mremap(0, 8, 8, { pages: 8, to: STAY }),
        task.mremap(0, 8, 16, { pages: 0, to: STAY }),
        task.mremap(0, 8, 16, { pages: 8, to: 12 }),
        task.mremap(0, 8, 16, { pages: 8, to: 4 }),
        task.mremap(0, 8, 16, { pages: 8, to: pages - 7 }),
        task.mremap(0, 8, 16, { pages: 9, to: ANYWHERE, keep: true }),
        task.mremap(0, 32, 40, { pages: 9, to: ANYWHERE }),
      ])
      t.same(results, Array(7).fill(-EINVAL))
      m.on(0, task => t.equal(task.mremap(0, 8, 20, { pages: 12, to: 100 }), -EFAULT, 'over two VMAs'))
      m.on(0, task => t.equal(task.mremap(0, 24, 26, { pages: 1, to: STAY }), -EFAULT, 'nothing there'))
      m.on(0, task => t.equal(task.mremap(0, 24, 26, { pages: 2, to: ANYWHERE }), -EFAULT))
      t.same(m.borders(), [
        [8, 16],
        [16, 24],
        [32, 40],
      ])
      m.endAndAudit()
    })
  })
}

t.test('whichever allocation fails, the mapping is where it was, and complete', async t => {
  for (const neighbour of [false, true]) {
    let failures = 0
    for (let nth = 1; ; nth++) {
      const m = new Machine('vma-lock', { levels: 3, tableBits: 3 })
      m.on(0, task => task.mmap(0, 4, 30, PRIVATE))
      fill(m, 4, 30)
      // Where the moved pages would continue it: a neighbour that takes them in.
      if (neighbour) {
        m.on(0, task => task.mremap(0, 4, 6, { pages: 2, to: 98 }))
        m.on(0, task => task.mremap(0, 98, 100, { pages: 2, to: 138 }))
      }
      const { start, to } = neighbour ? { start: 6, to: 140 } : { start: 4, to: 140 }
      m.on(0, task => task.k.rcu.barrier())
      const tables = m.k.tables.live()
      let asked = 0
      const result = m.on(0, task => {
        task.k.shouldFail = () => ++asked === nth
        const end = task.mremap(0, start, 30, { pages: 30 - start, to })
        task.k.shouldFail = () => false
        return end
      })
      const at = result < 0 ? start : to
      t.same(
        range(at, at + 30 - start).map(vpn => m.read(1, vpn, 0)),
        range(start, 30),
      )
      for (const vpn of range(at, at + 30 - start)) t.same(foundAt(m, m.frameOf(0, vpn)), [vpn])
      if (result < 0) {
        failures++
        t.equal(result, -ENOMEM)
        m.on(0, task => task.k.rcu.barrier())
        t.equal(m.k.tables.live(), tables, 'no table is left over')
        t.equal(m.read(0, to), -FAULT_SEGV)
      }
      m.endAndAudit()
      if (asked < nth) break
    }
    t.ok(failures >= 3, `${failures} allocations could fail`)
  }
})

t.test('moving back needs no memory, also of whole tables', async t => {
  const m = new Machine('vma-lock')
  m.on(0, task => task.mmap(0, 8, 36, PRIVATE))
  fill(m, 8, 36)
  let asked = 0
  m.on(0, task => {
    // After the VMA and its link: the last, incomplete table.
    task.k.shouldFail = () => ++asked >= 3
    t.equal(task.mremap(0, 8, 36, { pages: 28, to: 72 }), -ENOMEM)
    task.k.shouldFail = () => false
  })
  t.equal(asked, 3)
  t.same(
    range(8, 36).map(vpn => m.read(1, vpn, 0)),
    range(8, 36),
  )
  m.endAndAudit()
})

t.test('mm 1 is not touched by a move in mm 0', async t => {
  const m = new Machine('vma-lock', {}, [0, 1])
  for (const mm of [0, 1]) m.on(0, task => task.mmap(mm, 8, 16, PRIVATE))
  fill(m, 8, 16)
  fill(m, 8, 16, 1)
  m.on(1, task => t.equal(task.mremap(0, 8, 16, { pages: 8, to: 64 }), 64))
  t.equal(m.read(1, 9, 1), 9)
  t.equal(m.read(0, 65, 0), 9)
  t.equal(Atomics.load(m.w, m.k.frames.at(m.frameOf(0, 65)) + FRAME.mapcount), 1)
  m.endAndAudit()
  t.equal(DONE, 0)
})
