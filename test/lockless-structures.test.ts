/** The lock-free structures, one operation after the other: what they hold, in which order, and when they are full. */
import t from 'tap'
import { ChaseLevDeque, chaseLevRegion, LOST } from '../lib/lockless/chase-lev.ts'
import { Llist, llistRegion } from '../lib/lockless/llist.ts'
import { initMpmcRing, MpmcRing, mpmcRingRegion } from '../lib/lockless/mpmc-ring.ts'
import { initMsQueue, MsQueue, msQueueRegion } from '../lib/lockless/ms-queue.ts'
import { HazardQueue, hazardQueueRegion, initHazardQueue } from '../lib/lockless/ms-queue-hazard.ts'
import { initNodes, Nodes, nodeRegion } from '../lib/lockless/nodes.ts'
import { initSpscRing, SpscRing, spscRingRegion } from '../lib/lockless/spsc-ring.ts'
import { changedTo, numberIn, replacedBy } from '../lib/lockless/tagged.ts'
import { EpochStack, epochStackRegion, initEpochStack } from '../lib/lockless/treiber-epoch.ts'
import { HazardStack, hazardStackRegion, initHazardStack } from '../lib/lockless/treiber-hazard.ts'
import { initTaggedStack, TaggedStack, taggedStackRegion } from '../lib/lockless/treiber-tagged.ts'
import { ArenaBuilder } from '../lib/shm/arena.ts'
import { Cpu, cpuRegion } from '../lib/shm/cpu.ts'
import { violationOf } from './helpers/memory.ts'

interface Handle {
  put(value: number): boolean
  take(): number
}

const CAPACITY = 4

/** Two handles of a structure that holds `CAPACITY` values. */
function handles<I>(
  reserve: (builder: ArenaBuilder, capacity: number, threads: number) => I,
  init: (w: Int32Array, image: I) => void,
  open: (w: Int32Array, image: I, thread: number) => Handle,
): readonly [Handle, Handle] {
  const builder = new ArenaBuilder()
  const image = reserve(builder, CAPACITY, 2)
  const { words } = builder.build()
  init(words, image)
  return [open(words, image, 0), open(words, image, 1)]
}

const stacks = {
  tagged: () => handles(taggedStackRegion, initTaggedStack, (w, image) => new TaggedStack(w, image)),
  hazard: () => handles(hazardStackRegion, initHazardStack, (w, image, n) => new HazardStack(w, image, n)),
  epoch: () => handles(epochStackRegion, initEpochStack, (w, image, n) => new EpochStack(w, image, n)),
}
const queues = {
  ms: () => handles(msQueueRegion, initMsQueue, (w, image) => new MsQueue(w, image)),
  hazard: () => handles(hazardQueueRegion, initHazardQueue, (w, image, n) => new HazardQueue(w, image, n)),
  mpmc: () => handles(mpmcRingRegion, initMpmcRing, (w, image) => new MpmcRing(w, image)),
}

/** Puts as many as go in: a structure whose nodes are still to be freed has room after a few tries. */
function fill(handle: Handle): number[] {
  const values: number[] = []
  for (let value = 1; value <= 3 * CAPACITY; value++) if (handle.put(value)) values.push(value)
  return values
}

function empty(handle: Handle): number[] {
  const values: number[] = []
  for (let value = handle.take(); value !== 0; value = handle.take()) values.push(value)
  return values
}

for (const [kinds, order] of [
  [stacks, (values: number[]) => values.toReversed()],
  [queues, (values: number[]) => values],
] as const)
  for (const [name, make] of Object.entries(kinds))
    t.test(`${kinds === stacks ? 'stack' : 'queue'}: ${name}`, async t => {
      const [a, b] = make()
      t.equal(a.take(), 0, 'empty')
      for (let round = 0; round < 50; round++) {
        const values = fill(a)
        t.ok(values.length >= CAPACITY - 2 && values.length <= CAPACITY, `${values.length} values went in`)
        t.same(empty(b), order(values), 'each came out, in order')
      }
    })

t.test('a ring for one producer and one consumer', async t => {
  const [producer, consumer] = handles(spscRingRegion, initSpscRing, (w, image) => new SpscRing(w, image))
  for (let round = 0; round < 10; round++) {
    t.same(fill(producer), [1, 2, 3, 4])
    t.same(empty(consumer), [1, 2, 3, 4])
  }
  t.throws(() => spscRingRegion(new ArenaBuilder(), 3), RangeError)
  t.throws(() => mpmcRingRegion(new ArenaBuilder(), 3), RangeError)
})

t.test('a deque: the owner takes what it pushed last, thieves what it pushed first, and it grows', async t => {
  const builder = new ArenaBuilder()
  const image = chaseLevRegion(builder, 2, 2)
  const { words } = builder.build()
  const [owner, thief] = [new ChaseLevDeque(words, image), new ChaseLevDeque(words, image)]
  t.equal(owner.take(), 0)
  t.equal(thief.steal(), 0)
  for (let task = 1; task <= 8; task++) t.equal(owner.push(task), true)
  t.equal(owner.push(9), false, 'the largest array is full')
  t.same([thief.steal(), owner.take(), thief.steal(), owner.take()], [1, 8, 2, 7])
  for (let task = 10; task <= 13; task++)
    t.equal(owner.push(task), true, 'the places of the stolen ones are used again')
  t.equal(owner.push(14), false)
  t.same(
    [1, 2, 3, 4].map(() => thief.steal()),
    [3, 4, 5, 6],
  )
  t.same(
    [1, 2, 3, 4, 5].map(() => owner.take()),
    [13, 12, 11, 10, 0],
  )
  t.ok(LOST < 0, 'no task is taken for a lost race')
})

t.test('a lock-less list: the newest first, in chains, one or all', async t => {
  const builder = new ArenaBuilder()
  const cpus = cpuRegion(builder, 1)
  const image = llistRegion(builder)
  const slab = nodeRegion(builder, 4)
  const { words } = builder.build()
  initNodes(words, slab)
  const nodes = new Nodes(words, slab)
  const list = new Llist(new Cpu(words, cpus, 0), image, nodes)
  const [a, b, c, d] = [1, 2, 3, 4].map(value => nodes.alloc(value))
  t.equal(list.delAll(), 0)
  t.equal(list.add(a), true, 'it was empty')
  t.equal(list.add(b), false)
  t.equal(list.delFirstLocked(), b)
  Atomics.store(words, nodes.next(d), c)
  t.equal(list.addBatch(d, c), false)
  const all = list.delAllLocked()
  t.same([all, nodes.link(d), nodes.link(c), nodes.link(a)], [d, c, a, 0])
  t.equal(list.delFirst(), 0)
})

t.test('nodes: what was freed is not read, followed or made up', async t => {
  const builder = new ArenaBuilder()
  const slab = nodeRegion(builder, 2)
  const { words } = builder.build()
  initNodes(words, slab)
  const nodes = new Nodes(words, slab)
  const node = nodes.alloc(7)
  t.equal(nodes.take(node), 7)
  for (const wrong of [() => nodes.value(node), () => nodes.link(node), () => nodes.next(0), () => nodes.next(3)])
    t.equal(violationOf(wrong)?.oracle, 'GEN')
  const [first, second] = [nodes.alloc(1), nodes.alloc(2)]
  t.equal(nodes.alloc(3), 0)
  nodes.free(first)
  nodes.free(second)
  nodes.shuffle()
  t.equal(nodes.alloc(4), first, 'the one freed last was taken aside')
  nodes.putBack()
  t.equal(nodes.live(), 1)
  t.equal(violationOf(() => nodes.free(second))?.oracle, 'GEN', 'nor freed twice')
})

t.test('a count of changes beside a number', async t => {
  let word = 0
  const seen = new Set<number>()
  for (let n = 0; n < 2 ** 22; n += 2 ** 10) {
    word = changedTo(word, 5)
    seen.add(word)
    t.equal(numberIn(word), 5)
  }
  t.equal(seen.size, 2 ** 12, 'each change makes another word')
  t.equal(changedTo(-1, 0) | 0, 0, 'the count wraps')
  t.equal(replacedBy(changedTo(0, 3), 4), changedTo(0, 4))
})
