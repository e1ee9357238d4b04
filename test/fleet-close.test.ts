/** A fleet that is let go of before it was given work keeps nothing open: the command would never end. */
import t from 'tap'
import type { Carrier, HostProblem, Reached } from '../remote/carrier.ts'
import { Fleet } from '../remote/fleet/fleet.ts'

const facts = { hostname: 'h', platform: 'linux', arch: 'x64', node: '20.20.0', cpus: 2, freeBytes: 1e9 }

function openCarrier(more: Partial<typeof facts & { mostProcesses: number }> = {}) {
  let settle!: (problem: HostProblem | undefined) => void
  const closed = new Promise<HostProblem | undefined>(resolve => {
    settle = resolve
  })
  const reached: Reached = {
    facts: { ...facts, ...more, clockSkewMs: 0, roundTripMs: 0 },
    ship: () => new Promise(() => {}),
    attach: () => new Promise(() => {}),
    closed,
    close: () => settle(undefined),
  }
  const carrier: Carrier = { spec: { name: 'h', carrier: 'ssh' }, connect: async () => reached }
  return { carrier, closed }
}

t.test('a plan that fails when its hosts are there already', async t => {
  const { carrier, closed } = openCarrier()
  const fleet = new Fleet([carrier])
  t.ok(await fleet.ready(0))
  fleet.close()
  t.equal(await closed, undefined)
})

// Node stands still for ever where it gets no threads: nothing would ever be heard of it.
t.test('a host whose user may have a few processes only is refused with a line that says so', async t => {
  const fleet = new Fleet([openCarrier({ mostProcesses: 14 }).carrier])
  await t.rejects(fleet.ready(0), { message: /: h: its user may have only 14 processes and threads, .*ulimit -u/ })
  t.ok(await new Fleet([openCarrier({ mostProcesses: 4096 }).carrier]).ready(0))
})
