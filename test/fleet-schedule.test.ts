/** Where instances go: the state machine alone, with hosts and a clock that are made up. */
import t from 'tap'
import { type Attempt, type Decision, type Policy, Schedule } from '../remote/fleet/schedule.ts'

const POLICY: Policy = { graceMs: 30_000, patienceMs: 120_000, oversubscribe: true }
const SECOND = 1000

/** A schedule over hosts that are here, with jobs of so many CPUs. */
function scheduleOf(hosts: Record<string, number>, jobs: Record<string, number>, policy: Partial<Policy> = {}) {
  const schedule = new Schedule(Object.keys(hosts), { ...POLICY, ...policy }, '1', 0)
  for (const [key, cpus] of Object.entries(jobs)) schedule.add({ key, cpus, durationMs: 10 * SECOND })
  for (const [name, cpus] of Object.entries(hosts)) schedule.up(name, cpus, [], 0)
  return schedule
}

const where = ({ place }: Decision) =>
  Object.fromEntries(place.map(({ key, host, oversubscribed }) => [key, oversubscribed ? `${host}!` : host]))
const only = ({ place }: Decision): Attempt => {
  if (place.length !== 1) throw new Error(`${place.length} attempts`)
  return place[0]
}

t.test('the widest first, each where there is room', async t => {
  const schedule = scheduleOf({ big: 4, small: 1 }, { one: 1, three: 3, two: 2, other: 1 })
  const first = schedule.decide(0)
  t.same(where(first), { three: 'big', one: 'big', other: 'small' })
  t.equal(schedule.usedOn('big'), 4)
  t.same(schedule.decide(0).place, [], 'all is taken')
  t.same(schedule.queued, ['two'])
  const three = first.place.find(({ key }) => key === 'three')!
  t.same(schedule.ended('big', three.id), { counts: true, vain: [] })
  t.same(where(schedule.decide(1)), { two: 'big' })
  t.notOk(schedule.over)
})

t.test('more threads than CPUs: alone there, and only where nothing fits', async t => {
  const schedule = scheduleOf({ four: 4, two: 2, one: 1 }, { a: 4, b: 4, c: 1, d: 4 })
  t.same(where(schedule.decide(0)), { a: 'four', c: 'two', b: 'one!' }, 'what fits goes first')
  t.equal(schedule.usedOn('one'), 1, 'nothing beside it')
  t.same(where(scheduleOf({ one: 1 }, { a: 4, b: 2 }).decide(0)), { a: 'one!' }, 'one at a time')
})

t.test('--no-oversubscribe', async t => {
  const schedule = scheduleOf({ two: 2, four: 4 }, { a: 4, b: 4, c: 5 }, { oversubscribe: false })
  const { place, lost } = schedule.decide(0)
  t.same(where({ place, lost }), { a: 'four' })
  t.match(lost, [{ key: 'c', why: /has 5 CPUs/ }])
  const unknown = new Schedule(['later'], { ...POLICY, oversubscribe: false }, '1', 0)
  unknown.add({ key: 'a', cpus: 64, durationMs: 1 })
  t.same(unknown.decide(0).lost, [], 'a host that was never here may be wide enough')
})

t.test(
  'a host that is away: its attempt goes on; after the grace another has it too; the first one counts',
  async t => {
    const schedule = scheduleOf({ a: 1, b: 1 }, { job: 1 })
    const first = only(schedule.decide(0))
    const other = first.host === 'a' ? 'b' : 'a'
    schedule.heard(first.host, 5 * SECOND)
    schedule.away(first.host, 0)
    t.same(schedule.decide(34 * SECOND).place, [], 'waited for, from the last sign of life on')
    t.equal(schedule.nextAt(6 * SECOND), 35 * SECOND)
    const second = only(schedule.decide(35 * SECOND))
    t.equal(second.host, other)
    t.not(second.id, first.id)
    const back = schedule.up(first.host, 1, [first], 40 * SECOND)
    t.same(back, { drop: [], perished: [] }, 'both go on')
    t.same(schedule.decide(40 * SECOND).place, [], 'and nobody else')
    const { counts, vain } = schedule.ended(first.host, first.id)
    t.ok(counts)
    t.match(vain, [{ id: second.id, host: other }])
    t.ok(schedule.over)
    t.notOk(schedule.wants(other, second.id))
    t.same(schedule.ended(other, second.id), { counts: false, vain: [] }, 'the other one is late')
    t.ok(schedule.gave(other, second.id), 'and is no stranger')
    t.notOk(schedule.gave(first.host, second.id))
    t.notOk(schedule.gave('a', 'job#9.9@a'))
  },
)

t.test('back within the grace with its attempt gone: again at once, not on the host that still has it', async t => {
  const schedule = scheduleOf({ a: 1, b: 1 }, { job: 1 })
  const first = only(schedule.decide(0))
  schedule.away(first.host, 0)
  t.match(schedule.up(first.host, 1, [], 5 * SECOND).perished, [{ id: first.id }])
  t.equal(only(schedule.decide(5 * SECOND)).key, 'job')
})

t.test('back when another was first: what it still runs is dropped', async t => {
  const schedule = scheduleOf({ a: 1, b: 1 }, { job: 1 })
  const first = only(schedule.decide(0))
  schedule.away(first.host, 0)
  const second = only(schedule.decide(31 * SECOND))
  t.ok(schedule.ended(second.host, second.id).counts)
  t.same(schedule.up(first.host, 1, [first], 40 * SECOND), { drop: [first.id], perished: [] })
  t.equal(schedule.usedOn(first.host), 0)
})

t.test('lost only when nobody is left', async t => {
  const gone = scheduleOf({ a: 1, b: 1 }, { job: 1, more: 1 })
  gone.decide(0)
  gone.gone('a', 'a: its key was refused')
  t.same(gone.decide(1).lost, [], 'the other one has them all')
  gone.gone('b', 'b: there is no Node')
  t.match(gone.decide(1).lost, [
    { key: 'job', why: 'no host is left: b: there is no Node' },
    { key: 'more', why: /no host/ },
  ])

  const away = scheduleOf({ a: 1, b: 1 }, { job: 1 })
  only(away.decide(0))
  away.away('a', 0)
  away.away('b', 0)
  t.same(away.decide(119 * SECOND), { place: [], lost: [] })
  t.match(away.decide(120 * SECOND).lost, [{ key: 'job', why: /nothing was heard of a, b for 120 s/ }])
})

t.test('a host that is on its way for the first time is waited for, however long shipping takes', async t => {
  const schedule = new Schedule(['slow', 'no'], { ...POLICY, graceMs: SECOND, patienceMs: 4 * SECOND }, '1', 0)
  schedule.add({ key: 'job', cpus: 1, durationMs: SECOND })
  schedule.away('no', SECOND)
  t.same(schedule.decide(600 * SECOND).lost, [])
  schedule.away('slow', 600 * SECOND)
  t.same(schedule.decide(603 * SECOND).lost, [])
  schedule.away('slow', 603 * SECOND, 'slow: it is asleep')
  t.match(schedule.decide(604 * SECOND).lost, [
    { key: 'job', why: 'nothing was heard of slow, no for 4 s: slow: it is asleep' },
  ])
})

t.test('a job that takes its hosts with it is given up', async t => {
  const schedule = scheduleOf({ a: 1 }, { poison: 1 })
  for (let n = 0; n < 5; n++) {
    const { id } = only(schedule.decide(n))
    t.ok(schedule.begun('a', id))
    t.notOk(schedule.begun('a', id), 'once')
    schedule.away('a', 0)
    schedule.up('a', 1, [], n)
  }
  t.match(schedule.decide(9).lost, [{ key: 'poison', why: /5 hosts lost all/ }])
})

t.test('an order that is lost on its way is no fault of the job', async t => {
  const schedule = scheduleOf({ a: 1 }, { job: 1 })
  for (let n = 0; n < 20; n++) {
    t.equal(only(schedule.decide(n)).key, 'job')
    schedule.away('a', 0)
    schedule.up('a', 1, [], n)
  }
})

t.test('a driver that starts again waits for what the one before had given', async t => {
  const schedule = new Schedule(['a', 'b'], POLICY, '2', 0)
  for (const key of ['x', 'y', 'z']) schedule.add({ key, cpus: 1, durationMs: 1 })
  const x = { id: 'x#1.1@a', key: 'x', host: 'a' }
  const y = { id: 'y#1.2@b', key: 'y', host: 'b' }
  const done = { id: 'w#1.3@a', key: 'w', host: 'a' }
  schedule.remember(x, false)
  schedule.remember(y, false)
  schedule.remember(done, true)
  t.same(schedule.up('a', 2, [x, done], SECOND), { drop: [done.id], perished: [] })
  t.same(where(schedule.decide(SECOND)), { z: 'a' }, 'x runs there, y is waited for')
  t.same(where(schedule.decide(30 * SECOND)), {}, 'a is full')
  t.ok(schedule.ended('a', x.id).counts)
  t.same(where(schedule.decide(31 * SECOND)), { y: 'a' }, 'b did not come')
})

t.test('what is not wanted any more', async t => {
  const schedule = scheduleOf({ a: 1 }, { job: 1, waits: 1 })
  const attempt = only(schedule.decide(0))
  t.same(schedule.cancel('waits'), [])
  t.match(schedule.cancel('job'), [{ id: attempt.id }])
  t.ok(schedule.over)
  schedule.add({ key: 'job/bridge', cpus: 1, durationMs: 1 })
  t.notOk(schedule.over, 'jobs may be added')
  t.same(where(schedule.decide(0)), { 'job/bridge': 'a' })
})

/** A generator of numbers, so that a failing simulation can be repeated. */
function dice(seed: number) {
  let x = Math.imul(seed + 1, 0x9e3779b1) | 1
  return (below: number): number => {
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    return (x >>> 0) % below
  }
}

/** Hosts that run, die, come back with or without what they had, and refuse, for as long as the jobs last. */
function simulate(seed: number): void {
  const roll = dice(seed)
  const cpus = new Map(Array.from({ length: 1 + roll(4) }, (_, n) => [`h${n}`, 1 + roll(4)]))
  const policy = { ...POLICY, oversubscribe: roll(3) > 0 }
  const schedule = new Schedule([...cpus.keys()], policy, '1', 0)
  const jobs = Array.from({ length: 1 + roll(25) }, (_, n) => ({
    key: `j${n}`,
    cpus: 1 + roll(5),
    durationMs: 1 + roll(9),
  }))
  for (const job of jobs) schedule.add(job)
  /** What really runs out there, and when it ends; whether the driver can see it. */
  const world = new Map(
    [...cpus.keys()].map(name => [name, { up: false, gone: false, has: new Map<string, number>() }]),
  )
  const done = new Map<string, number>()
  const finish = (key: string) => done.set(key, (done.get(key) ?? 0) + 1)
  const check = (fine: boolean, what: string) => {
    if (!fine) throw new Error(`seed ${seed}: ${what}`)
  }
  let now = 0
  for (let step = 0; !schedule.over; step++, now += SECOND) {
    check(step < 20_000, 'it never ends')
    for (const [name, host] of world) {
      const chance = roll(100)
      if (host.gone) continue
      if (!host.up && chance < 20) {
        if (roll(5) === 0) host.has.clear()
        const present = [...host.has.keys()].map(id => ({ id, key: schedule.keyOf(id)!, host: name }))
        for (const id of schedule.up(name, cpus.get(name)!, present, now).drop) host.has.delete(id)
        host.up = true
      } else if (host.up && chance < 3) {
        schedule.away(name, now)
        host.up = false
      } else if (chance === 99 && roll(20) === 0) {
        schedule.gone(name, 'it lies')
        host.gone = true
      } else if (host.up) schedule.heard(name, now)
      if (!host.up || host.gone) continue
      for (const [id, endsAt] of host.has) {
        if (endsAt > now) continue
        host.has.delete(id)
        const { counts, vain } = schedule.ended(name, id)
        if (counts) finish(schedule.keyOf(id)!)
        for (const other of vain) if (world.get(other.host)!.up) world.get(other.host)!.has.delete(other.id)
      }
    }
    const { place, lost } = schedule.decide(now)
    for (const { key } of lost) {
      schedule.cancel(key)
      finish(key)
    }
    for (const { id, key, host, oversubscribed } of place) {
      const there = world.get(host)!
      check(there.up && !there.gone, `${id} was given to a host that is not here`)
      check(!done.has(key), `${key} was done already`)
      check(!oversubscribed || (policy.oversubscribe && there.has.size === 0), `${id} is not alone`)
      there.has.set(id, now + jobs.find(job => job.key === key)!.durationMs * SECOND)
      check(schedule.usedOn(host) <= cpus.get(host)!, `${host} has more than it can take`)
    }
  }
  for (const { key } of jobs) check(done.get(key) === 1, `${key} was counted ${done.get(key) ?? 0} times`)
}

t.test('a thousand fleets with bad luck: each job is judged once', async t => {
  for (let seed = 1; seed <= 1000; seed++) simulate(seed)
  t.pass('no promise was broken')
})
