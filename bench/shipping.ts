/** What it costs to bring the default bundle to hosts: eight against one, over links of 25 ms each way. */
import { appendFileSync } from 'node:fs'
import { createServer, type Socket, connect as tcp } from 'node:net'
import { listFiles } from '../results/bundle-text.ts'
import { type SshLab, sshLab, withoutSshd } from '../test/helpers/ssh-lab.ts'
import { builtinBundle } from '../torture/bundle/builtin.ts'
import type { Bundle } from '../torture/bundle/manifest.ts'
import { type Finding, median, type Skipped, summarise } from './finding.ts'

const HOSTS = 8
const ONE_WAY_MS = 25
const REPEATS = 21

export async function shipping(): Promise<(Finding | Skipped)[]> {
  if (withoutSshd) return [{ name: 'shipping', skipped: withoutSshd }]
  const undo: (() => unknown)[] = []
  const later = { teardown: (action: () => unknown) => undo.push(action) }
  const lab = sshLab(later)
  try {
    const names: string[] = []
    for (let n = 0; n < HOSTS; n++) {
      const { port, publicKey } = await lab.start(`host-${n}`)
      const far = await slowLine(later, port)
      appendFileSync(lab.knownHosts, `[127.0.0.1]:${far} ${publicKey}\n`)
      lab.alias(`far-${n}`, far)
      names.push(`far-${n}`)
    }
    return await measure(lab, names, await builtinBundle())
  } finally {
    for (const action of undo.reverse()) await action()
  }
}

async function measure(lab: SshLab, names: readonly string[], bundle: Bundle): Promise<Finding[]> {
  let bytes = 0
  let again = 0
  const timed = async (hosts: readonly string[], directory: string) => {
    const started = performance.now()
    const reached = await Promise.all(
      hosts.map(async name => {
        const host = await lab.connect(name, { directory })
        bytes = await host.ship(bundle)
        return host
      }),
    )
    const ms = performance.now() - started
    for (const host of reached) again += await host.ship(bundle)
    for (const host of reached) host.close()
    await Promise.all(reached.map(({ closed }) => closed))
    return ms
  }
  const seen: { one: number; all: number }[] = []
  for (let n = 0; n < REPEATS; n++) {
    const one = await timed([names[n % HOSTS]], `one-${n}`)
    seen.push({ one, all: await timed(names, `all-${n}`) })
  }
  const ms = (values: readonly number[]) => `${Math.ceil(median(values))} ms`
  return [
    {
      name: `shipping, ${HOSTS} hosts ÷ 1`,
      what: `connect, find Node and ship the default bundle over links of ${ONE_WAY_MS} ms each way: ${HOSTS} hosts at once ÷ one`,
      ...summarise(seen.map(({ one, all }) => all / one)),
      unit: 'x',
      goal: { is: 'at most', value: 1.5 },
      notes: [
        `one: ${ms(seen.map(({ one }) => one))}, ${HOSTS}: ${ms(seen.map(({ all }) => all))}; ${bytes} bytes in ${listFiles(bundle.dir).length} files for each, ${again} when it was there`,
        `all ${HOSTS} sshd, their Nodes and the links run on this machine: hosts of their own share nothing but the driver`,
      ],
    },
  ]
}

/** @returns the port of a line that takes its time, both ways */
async function slowLine({ teardown }: { teardown(action: () => unknown): unknown }, port: number): Promise<number> {
  const sockets = new Set<Socket>()
  const server = createServer(near => {
    const far = tcp(port, '127.0.0.1')
    for (const [from, to] of [
      [near, far],
      [far, near],
    ]) {
      sockets.add(from.setNoDelay())
      from.on('data', data => setTimeout(() => to.writable && to.write(data), ONE_WAY_MS))
      from.on('close', () => setTimeout(() => to.destroy(), ONE_WAY_MS))
      from.on('error', () => to.destroy())
    }
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return (server.address() as { port: number }).port
}
