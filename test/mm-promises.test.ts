/**
 * What an operation tells the TLB oracle that it has revoked is what it has done, also when it stops half-way: where it
 * did nothing translations stay, and using them is right.
 */
import t from 'tap'
import { DONE, ENOMEM } from '../lib/mm/call/mmap.ts'
import { PAGE_LOG } from '../lib/mm/layout.ts'
import { Machine, PRIVATE, READ_ONLY } from './helpers/memory.ts'

/** Three VMAs, written to by CPU 1, which keeps its translations. */
function machine(): Machine {
  const m = new Machine('vma-lock', { mms: 4, firstMms: 2, vmas: 8 })
  m.on(0, task => {
    task.mmap(0, 8, 16, PRIVATE)
    task.mmap(0, 16, 24, READ_ONLY)
    task.mmap(0, 24, 32, PRIVATE)
  })
  m.write(1, 9, 1)
  m.write(1, 27, 1)
  return m
}

/** Times at which the right to write was taken from two pages, as the oracle has them. */
const noted = (m: Machine) => [9, 27].map(vpn => Atomics.load(m.w, m.mm(0).log(vpn, PAGE_LOG.write_revoked)))

t.test('mprotect that runs out of memory has protected what lies before', async t => {
  const m = machine()
  t.equal(
    m.on(0, task => {
      // The first mapping is protected as a whole, merging with its neighbour; the last one would have to be split.
      task.k.vmas.alloc = () => 0
      return task.mprotect(0, 8, 28, false)
    }),
    ENOMEM,
  )
  const [protectedAt, other] = noted(m)
  t.ok(protectedAt > 0)
  t.equal(other, 0, 'nothing is said of what was not protected')
  t.equal(m.write(1, 27, 2), 0, 'it is written to')
  t.ok(m.write(1, 9, 2) < 0, 'what was protected is not')
  m.end()
})

t.test('a fork that fails half-way has revoked only what it came to', async t => {
  const m = machine()
  let allocations = 0
  t.equal(
    m.on(0, task => {
      task.k.shouldFail = () => ++allocations > 6
      return task.fork()
    }),
    -1,
  )
  t.same(
    noted(m).map(time => time > 0),
    [true, false],
  )
  t.equal(m.write(1, 9, 3), 0)
  t.equal(m.write(1, 27, 3), 0)
  t.equal(m.read(1, 9), 3)
  m.on(0, task => (task.k.shouldFail = () => false))
  t.equal(
    m.on(0, task => task.munmap(0, 8, 32)),
    DONE,
  )
  m.endAndAudit()
})
