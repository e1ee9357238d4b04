/** The agent by itself, on this machine: what it does is told to whoever attaches, and survives whoever leaves. */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { localCarrier } from '../remote/local.ts'
import { unpack } from '../remote/pack.ts'
import { type AgentMessage, type DriverMessage, encode, linesOf, parseAgentMessage } from '../remote/protocol.ts'
import { removeFolder } from '../results/files.ts'
import type { PlannedInstance } from '../results/schema.ts'
import { builtinBundle } from '../torture/bundle/builtin.ts'
import { temporaryFolder } from './helpers/folders.ts'

const bundle = await builtinBundle()
const RUN = '2026.11.20-23.49.00-0-here'

function instanceOf(name: string, durationMs: number): PlannedInstance {
  const { module, params, threads } = bundle.manifest.scenarios.find(scenario => scenario.name === 'rwsem')!
  return {
    ...{ name, scenario: 'rwsem', module, mode: 'stress', seed: 7, bugs: [], jitter: 'off', durationMs },
    params: Object.fromEntries(Object.entries(params).map(([key, spec]) => [key, spec.default])),
    threads: threads.map(body => ({ name: body.name, count: Number(body.count) || 1 })),
    ...{ hangAfterMs: 5000, maxMemory: 0, keepGoing: false, cpus: 2, oversubscribed: false },
  }
}

type Said<T> = Extract<AgentMessage, { type: T }>

/** A driver that says what it is told to, and waits for answers. */
class Driver {
  readonly heard: AgentMessage[] = []
  readonly ended: Promise<void>
  #wake = () => {}
  #gone = false
  readonly #send: (text: string) => void
  readonly leave: () => void

  private constructor(stream: import('node:stream').Duplex, close: () => void) {
    this.#send = text => stream.write(text)
    this.leave = close
    stream.on('error', () => {})
    this.ended = this.#listen(stream)
  }

  /** @param speaks whether it greets, as it ought to */
  static async attach(directory: string, speaks = true): Promise<Driver> {
    const spec = { name: 'here', carrier: 'local', directory } as const
    const reached = await localCarrier(spec).connect(new AbortController().signal)
    await reached.ship(bundle)
    const driver = new Driver(await reached.attach(RUN, bundle.hash), () => reached.close())
    if (speaks) driver.greet()
    return driver
  }

  greet(): void {
    this.say({ type: 'hello', protocol: 1, host: 'here', idleMs: 60_000 })
  }

  say(message: DriverMessage): void {
    this.#send(encode(message))
  }

  raw(text: string): void {
    this.#send(text)
  }

  async next<T extends AgentMessage['type']>(type: T, fits: (said: Said<T>) => boolean = () => true): Promise<Said<T>> {
    for (;;) {
      const found = this.heard.findIndex(message => message.type === type && fits(message as Said<T>))
      if (found >= 0) return this.heard.splice(found, 1)[0] as Said<T>
      if (this.#gone) throw new Error(`it ended and never said ${type}`)
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
  }

  async #listen(stream: import('node:stream').Duplex): Promise<void> {
    try {
      for await (const line of linesOf(stream, 1 << 20)) {
        this.heard.push(parseAgentMessage(line))
        this.#wake()
      }
    } catch {
      // The link was cut: that it ended is all that is asked.
    }
    this.#gone = true
    this.#wake()
  }

  /** The rest of a result, from this byte on. */
  async fetch(attempt: string, from: number, bytes: number): Promise<Buffer> {
    this.say({ type: 'fetch', attempt, from })
    const parts: Buffer[] = []
    for (let at = from; at < bytes; at += parts.at(-1)!.length) {
      const { data } = await this.next('chunk', chunk => chunk.attempt === attempt && chunk.at === at)
      parts.push(Buffer.from(data, 'base64'))
    }
    return Buffer.concat(parts)
  }
}

t.test('an attempt from its order to its result', async t => {
  const directory = temporaryFolder(t, 'torture-agent')
  const driver = await Driver.attach(directory)
  t.match(await driver.next('hello'), { protocol: 1, bundle: bundle.dir, attempts: [] })
  const attempt = 'x.1#1.1@here'
  driver.say({ type: 'assign', attempt, key: 'x.1', instance: instanceOf('x.1', 200) as never })
  driver.say({ type: 'assign', attempt, key: 'x.1', instance: instanceOf('x.1', 200) as never })
  await driver.next('started')
  await driver.next('event', ({ event }) => event.type === 'firstWork')
  const { ending, archive } = await driver.next('ended')
  t.match(ending, { code: 0, startedAt: /Z$/ })
  t.notOk(
    driver.heard.some(({ type }) => type === 'started'),
    'the same order twice is one',
  )
  const whole = await driver.fetch(attempt, 0, archive.bytes)
  t.equal(createHash('sha256').update(whole).digest('hex'), archive.sha256)
  t.same(await driver.fetch(attempt, 100, archive.bytes), whole.subarray(100), 'from where the link was cut')
  const file = join(directory, 'runs', RUN, 'attempts/1/archive.gz')
  await unpack(file, join(directory, 'out'))
  t.same(readdirSync(join(directory, 'out')).sort(), ['command.json', 'console.log', 'stats.jsonl', 'verdict.json'])
  t.match(JSON.parse(readFileSync(join(directory, 'out/verdict.json'), 'utf8')), { verdict: 'pass', host: 'here' })
  driver.say({ type: 'drop', attempt })
  driver.say({ type: 'ping', n: 1 })
  await driver.next('pong')
  t.same(readdirSync(join(directory, 'runs', RUN, 'attempts')), [], 'nothing is kept that nobody wants')
  driver.say({ type: 'bye' })
  await driver.ended
  t.notOk(existsSync(join(directory, 'runs', RUN)))
})

t.test('it goes on without a driver; the next one hears of it, and the one before is gone', async t => {
  const directory = temporaryFolder(t, 'torture-agent')
  const first = await Driver.attach(directory)
  await first.next('hello')
  first.say({ type: 'assign', attempt: 'a', key: 'x.1', instance: instanceOf('x.1', 1500) as never })
  await first.next('started')
  const second = await Driver.attach(directory)
  t.match(await second.next('hello'), { attempts: [{ attempt: 'a', key: 'x.1', state: 'running' }] })
  await first.ended
  second.leave()
  const note = join(directory, 'runs', RUN, 'attempts/1/attempt.json')
  while (!readFileSync(note, 'utf8').includes('sha256')) await new Promise(resolve => setTimeout(resolve, 20))
  const third = await Driver.attach(directory)
  t.match(await third.next('hello'), { attempts: [{ attempt: 'a', state: 'ended' }] })
  const { archive } = await third.next('ended')
  t.equal((await third.fetch('a', 0, archive.bytes)).length, archive.bytes)

  const { pid } = JSON.parse(readFileSync(join(directory, 'runs', RUN, 'agent.json'), 'utf8'))
  third.say({ type: 'assign', attempt: 'b', key: 'x.2', instance: instanceOf('x.2', 60_000) as never })
  await third.next('started')
  process.kill(pid, 'SIGKILL')
  await third.ended
  const fourth = await Driver.attach(directory)
  const { attempts } = await fourth.next('hello')
  t.same(attempts, [{ attempt: 'a', key: 'x.1', state: 'ended' }], 'what had ended is there, what ran is not')
  fourth.say({ type: 'bye' })
  await fourth.ended
})

t.test('a driver that has not yet greeted hears nothing of what goes on', async t => {
  const directory = temporaryFolder(t, 'torture-agent')
  const first = await Driver.attach(directory)
  await first.next('hello')
  first.say({ type: 'assign', attempt: 'a', key: 'x.1', instance: instanceOf('x.1', 300) as never })
  await first.next('started')
  const second = await Driver.attach(directory, false)
  await first.ended
  const note = join(directory, 'runs', RUN, 'attempts/1/attempt.json')
  while (!readFileSync(note, 'utf8').includes('sha256')) await new Promise(resolve => setTimeout(resolve, 20))
  second.greet()
  second.say({ type: 'ping', n: 1 })
  await second.next('pong')
  t.match(second.heard, [
    { type: 'hello', attempts: [{ state: 'ended' }] },
    { type: 'ended', attempt: 'a' },
  ])
  second.say({ type: 'bye' })
  await second.ended
})

t.test('stop, a guest that cannot be started, and what is no message', async t => {
  const directory = temporaryFolder(t, 'torture-agent')
  const driver = await Driver.attach(directory)
  await driver.next('hello')
  driver.say({ type: 'assign', attempt: 'a', key: 'x.1', instance: instanceOf('x.1', 60_000) as never })
  driver.say({ type: 'stop', attempt: 'a' })
  t.match((await driver.next('ended')).ending, { code: Number }, 'in order, and long before its time')
  const nowhere = { ...instanceOf('x.2', 100), node: '/nowhere/node' }
  driver.say({ type: 'assign', attempt: 'b', key: 'x.2', instance: nowhere as never })
  t.match((await driver.next('ended')).ending, { startError: /ENOENT/ })
  driver.raw('{"type":"dance"}\n')
  t.match(await driver.next('problem'), { message: /not a message/ })
  await driver.ended
  const again = await Driver.attach(directory)
  await again.next('hello')
  again.say({ type: 'bye' })
  await again.ended
})

t.test('whose folder is removed, ends', async t => {
  const directory = temporaryFolder(t, 'torture-agent')
  const driver = await Driver.attach(directory)
  await driver.next('hello')
  driver.say({ type: 'assign', attempt: 'a', key: 'x.1', instance: instanceOf('x.1', 60_000) as never })
  await driver.next('started')
  removeFolder(join(directory, 'runs'))
  await driver.ended
  t.pass('its guest with it')
})
