/** Interrupts between CPUs: who asked, who has served, and who need not be waited for. */
import t from 'tap'
import { ArenaBuilder } from '../lib/shm/arena.ts'
import { CPU, Cpu, cpuRegion, OFFLINE, PARKED, RUNNING } from '../lib/shm/cpu.ts'
import { configureSites, ENTRY_WORDS, MAX_SITES } from '../lib/shm/sites.ts'

interface Pair {
  readonly w: Int32Array
  readonly a: Cpu
  readonly b: Cpu
  /** How often A has served. */
  served: number
}

function pair(): Pair {
  const builder = new ArenaBuilder()
  const cpus = cpuRegion(builder, 2)
  const { words: w } = builder.build()
  const both = { w, a: new Cpu(w, cpus, 0), b: new Cpu(w, cpus, 1), served: 0 }
  both.a.onInterrupt = () => {
    both.served++
  }
  both.b.run()
  return both
}

const stateOf = ({ w, a }: Pair) => Atomics.load(w, a.base + CPU.state)

t.test('a running CPU serves where it polls, and not before', async t => {
  const p = pair()
  p.a.run()
  const before = p.served
  const ticket = p.b.interrupt(0)
  t.equal(p.b.hasServed(0, ticket), false)
  t.equal(p.served, before)
  p.a.poll()
  t.equal(p.b.hasServed(0, ticket), true)
  t.equal(p.served, before + 1)
  p.a.poll()
  t.equal(p.served, before + 1, 'once')
})

t.test('one poll serves all that came before it', async t => {
  const p = pair()
  p.a.run()
  const before = p.served
  const tickets = [p.b.interrupt(0), p.b.interrupt(0), p.b.interrupt(0)]
  t.same(tickets, [1, 2, 3])
  p.a.poll()
  t.equal(p.served, before + 1)
  for (const ticket of tickets) t.equal(p.b.hasServed(0, ticket), true)
  t.equal(p.b.hasServed(0, p.b.interrupt(0)), false, 'and none that comes after')
})

t.test('an interrupt during the service is not covered by it', async t => {
  const p = pair()
  p.a.run()
  let late = 0
  p.a.onInterrupt = () => {
    if (late === 0) late = p.b.interrupt(0)
  }
  const early = p.b.interrupt(0)
  p.a.poll()
  t.equal(p.b.hasServed(0, early), true)
  t.equal(p.b.hasServed(0, late), false)
  p.a.poll()
  t.equal(p.b.hasServed(0, late), true)
})

t.test('who sleeps or is gone is not waited for, and has served when it left', async t => {
  for (const leave of ['idle', 'offline'] as const) {
    const p = pair()
    p.a.run()
    const before = p.served
    let stateThen = -1
    p.a.onInterrupt = () => {
      p.served++
      stateThen = stateOf(p)
    }
    const ticket = p.b.interrupt(0)
    p.a[leave]()
    t.equal(p.served, before + 1)
    t.equal(stateThen, RUNNING, 'before it said so')
    t.equal(stateOf(p), leave === 'idle' ? PARKED : OFFLINE)
    t.equal(p.b.hasServed(0, ticket), true)
    t.equal(p.b.hasServed(0, p.b.interrupt(0)), true)
  }
})

t.test('who wakes serves at once what came while it slept', async t => {
  const p = pair()
  t.equal(stateOf(p), OFFLINE, 'at the start')
  p.a.run()
  p.a.idle()
  const before = p.served
  const ticket = p.b.interrupt(0)
  p.a.onInterrupt = () => {
    p.served++
    t.equal(stateOf(p), RUNNING, 'after it said that it runs: no request falls in between')
  }
  p.a.run()
  t.equal(p.served, before + 1)
  t.equal(p.b.hasServed(0, ticket), true)
  p.a.poll()
  t.equal(p.served, before + 1, 'not again')
})

t.test('spinning takes interrupts', async t => {
  const p = pair()
  p.a.run()
  const ticket = p.b.interrupt(0)
  p.a.relax(0)
  t.equal(p.b.hasServed(0, ticket), true)
})

t.test('tickets wrap', async t => {
  const p = pair()
  p.a.run()
  Atomics.store(p.w, p.a.base + CPU.irq, 0x7fffffff)
  p.a.poll()
  const ticket = p.b.interrupt(0)
  t.equal(ticket, -0x80000000)
  t.equal(p.b.hasServed(0, ticket), false)
  p.a.poll()
  t.equal(p.b.hasServed(0, ticket), true)
})

t.test('a new handle of a CPU goes on where the old one was', async t => {
  const p = pair()
  p.a.run()
  p.b.interrupt(0)
  p.a.poll()
  const again = new Cpu(p.w, p.a.region, 0)
  let served = 0
  again.onInterrupt = () => {
    served++
  }
  again.poll()
  t.equal(served, 0)
  p.b.interrupt(0)
  again.poll()
  t.equal(served, 1)
})

t.test('a CPU that is not there is refused', async t => {
  const { w, a } = pair()
  t.throws(() => new Cpu(w, a.region, 2), new RangeError('cpu 2 of 2'))
  t.throws(() => new Cpu(w, a.region, -1), new RangeError('cpu -1 of 2'))
})

t.test('a delay keeps its core however long it is; who lingers gives it up', async t => {
  const p = pair()
  p.a.run()
  const { wait } = Atomics
  t.teardown(() => {
    Atomics.wait = wait
  })
  let naps = 0
  Atomics.wait = () => {
    naps++
    return 'timed-out'
  }
  p.a.delay(10_000)
  t.equal(naps, 0)
  p.a.linger(10_000)
  t.ok(naps > 100, `${naps} naps`)
})

t.test(
  'a delay takes interrupts in each of its turns, of which there is one where time is nobody’s concern',
  async t => {
    const p = pair()
    const looks = () => {
      const { load } = Atomics
      let polled = 0
      Atomics.load = ((words: Int32Array, at: number) => {
        if (words === p.w && at === p.a.base + CPU.irq) polled++
        return load(words, at)
      }) as typeof load
      p.a.delay(100)
      p.a.delay(0)
      Atomics.load = load
      return polled
    }
    p.a.run()
    t.equal(looks(), 100)
    configureSites({
      hits: new Int32Array(MAX_SITES),
      ring: new Int32Array(ENTRY_WORDS),
      cursor: new Int32Array(1),
      delayEvery: 0,
      delay: () => {},
      below: () => 0,
      brief: true,
    })
    t.equal(looks(), 1)
  },
)
