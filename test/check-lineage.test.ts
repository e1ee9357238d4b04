/**
 * SNAP: what the oracle of fork says. Damaged words, each in the way of one broken promise, must be named; histories that
 * fork allows, however odd, must not.
 */
import t from 'tap'
import { Family, REMEMBERED } from './helpers/family.ts'
import { violationOf } from './helpers/memory.ts'
import { within } from './helpers/windows.ts'

t.test('a child holds what was written last before it was made', async t => {
  const f = new Family()
  f.write(8)
  const second = f.write(8)
  const id = f.fork()
  t.ok(f.go(0, id))
  t.equal(f.look(8), 0)
  t.equal(f.m.read(0, 8), second)
  f.end(id)
})

t.test('what the parent wrote after the fork is not there, and need not be', async t => {
  const f = new Family()
  f.write(8)
  const id = f.fork()
  for (let n = 0; n < 3; n++) f.write(8)
  t.ok(f.go(0, id))
  t.equal(f.look(8), 0)
  f.write(8)
  t.ok(f.go(0, 0))
  t.equal(f.look(8), 0, 'nor is in the parent what the child wrote')
  f.end(id)
})

t.test('if it is there, it is named', async t => {
  const f = new Family()
  f.write(8)
  const id = f.fork()
  const later = f.write(8)
  f.damage(id, 8, later)
  f.go(0, id)
  f.finds(
    t,
    8,
    'SNAP',
    new RegExp(`finds ${later} there, which it wrote after the fork, which had ended at ${later - 1}`),
  )
})

t.test('something older is named', async t => {
  const f = new Family()
  const first = f.write(8)
  f.write(9)
  const last = f.write(8)
  f.write(9)
  const id = f.fork()
  f.damage(id, 8, first)
  f.go(0, id)
  f.finds(t, 8, 'SNAP', new RegExp(`finds ${first} .* was not the last one .*: that was ${last}$`))
})

t.test('so is a page of zeros that nobody has dropped', async t => {
  const f = new Family()
  const last = f.write(8)
  f.write(9)
  const id = f.fork()
  // In the parent, and too late.
  f.drop(0, 8)
  f.damage(id, 8, 0)
  f.go(0, id)
  f.finds(t, 8, 'SNAP', new RegExp(`finds 0 .*: that was ${last}$`))
})

t.test('what was written during the fork may be there, or not', async t => {
  for (const there of [true, false]) {
    const f = new Family()
    const first = f.write(8)
    f.write(9)
    let during = 0
    let id = 0
    f.m.on(1, task => {
      within(
        'fork/copy-vma',
        () => {
          during = f.write(8)
          task.k.cpu.run()
        },
        () => {
          id = f.fork()
        },
      )
    })
    t.ok(during > first)
    if (!there) f.damage(id, 8, first)
    f.write(8)
    f.go(0, id)
    t.equal(f.look(8), 0, there ? 'there' : 'not there')
    t.equal(f.m.read(0, 8), there ? during : first)
    f.end(id)
  }
})

t.test('a number that was announced when the fork began may not have been written yet', async t => {
  const f = new Family()
  const first = f.write(8)
  f.write(8)
  const id = f.fork()
  f.damage(id, 8, first)
  f.go(0, id)
  t.equal(f.look(8), 0, 'the last number before is one of during')
  f.end(id)
})

t.test('a page that was never written to is zero', async t => {
  const f = new Family()
  t.equal(f.look(9), 0)
  const id = f.fork()
  f.go(0, id)
  t.same([f.look(9), f.look(10)], [0, 0])
  t.same([f.m.read(0, 9), f.m.read(0, 10)], [0, 0])
  f.end(id)
})

t.test('a number in it that was never written is named', async t => {
  const f = new Family()
  const other = f.write(8)
  f.write(8)
  const id = f.fork()
  f.damage(id, 9, other)
  f.go(0, id)
  f.finds(t, 9, 'SNAP', /: that was 0$/)
})

t.test('pages that were dropped before the fork, or in the child, are zero', async t => {
  const f = new Family()
  for (const vpn of [8, 9, 10]) f.write(vpn)
  f.write(11)
  f.drop(0, 8)
  const id = f.fork()
  f.drop(id, 9)
  f.go(0, id)
  t.same([f.look(8), f.look(9), f.look(10)], [0, 0, 0])
  t.same([f.m.read(0, 8), f.m.read(0, 9)], [0, 0])
  t.ok(f.m.read(0, 10) > 0)
  f.end(id)
})

t.test('a page that was dropped before the fork, and written to again, holds that', async t => {
  const f = new Family()
  f.write(8)
  f.drop(0, 8)
  const again = f.write(8)
  const id = f.fork()
  f.go(0, id)
  t.equal(f.look(8), 0)
  t.equal(f.m.read(0, 8), again)
  f.end(id)
})

t.test('a grandchild, of a page that was dropped in its ancestors', async t => {
  const f = new Family()
  for (const vpn of [8, 9, 10]) f.write(vpn)
  f.drop(0, 8)
  const child = f.fork()
  f.drop(child, 9)
  f.go(0, child)
  // Zero: from now on nobody knows what a child of it inherits.
  t.same([f.look(8), f.look(9)], [0, 0])
  f.go(1, child)
  const grandchild = f.fork()
  f.go(0, grandchild)
  t.same([f.look(8), f.look(9), f.look(10)], [0, 0, 0])
  t.same([f.m.read(0, 8), f.m.read(0, 9)], [0, 0])
  f.go(1, 0)
  f.end(child, grandchild)
})

t.test('a grandchild of a child that the thread has looked at, written to, or never seen', async t => {
  const f = new Family()
  for (const vpn of [8, 9, 10]) f.write(vpn)
  const child = f.fork()
  f.go(0, child)
  f.look(8)
  const written = f.write(9)
  f.write(11)
  f.go(1, child)
  const grandchild = f.fork()
  f.go(0, grandchild)
  t.same([f.look(8), f.look(9), f.look(10)], [0, 0, 0])
  t.equal(f.m.read(0, 9), written)
  // Known, since the thread had looked: it inherits what it found.
  f.go(1, child)
  const second = f.fork()
  f.damage(second, 8, written)
  f.go(0, second)
  f.finds(t, 8, 'SNAP', /was not the last one/)
})

t.test('of a parent where the thread has not been, anything old is taken for granted, and nothing new', async t => {
  const f = new Family()
  const first = f.write(8)
  f.write(8)
  const child = f.fork()
  f.go(1, child)
  const grandchild = f.fork()
  f.damage(grandchild, 8, first)
  const later = f.write(9)
  const second = f.fork()
  f.damage(second, 9, later)
  f.damage(second, 10, f.write(10))
  f.go(0, grandchild)
  t.equal(f.look(8), 0)
  f.go(0, second)
  t.equal(f.look(9), 0)
  f.finds(t, 10, 'SNAP', /it wrote after the fork/)
})

t.test('what a child wrote and its parent holds is named, too', async t => {
  const f = new Family()
  f.write(8)
  const id = f.fork()
  f.go(0, id)
  const inChild = f.write(8)
  f.damage(0, 8, inChild)
  f.go(0, 0)
  f.finds(t, 8, 'SNAP', /was never dropped/)
})

t.test('what the parent writes and a child holds that was looked at before', async t => {
  const f = new Family()
  f.write(8)
  const id = f.fork()
  f.go(0, id)
  f.look(8)
  f.go(0, 0)
  f.damage(id, 8, f.write(8))
  f.go(0, id)
  f.finds(t, 8, 'SNAP', /was never dropped/)
})

t.test('what is wrong within one address space is no matter of fork', async t => {
  const cases: [string, (first: number) => number][] = [
    ['an older number of the same page', first => first],
    ['zero', () => 0],
    ['a number that does not exist yet', first => first + 1000],
    ['a number from beyond memory', first => first - REMEMBERED],
  ]
  for (const [what, value] of cases) {
    const f = new Family()
    const first = f.write(8)
    f.write(8)
    f.damage(0, 8, value(first))
    const violation = violationOf(() => f.look(8))
    t.equal(violation?.oracle, 'DATA', what)
  }
})
