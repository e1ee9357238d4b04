/**
 * What the driver and the agent on a host say to each other: lines of JSON, checked on arrival. Either side may be
 * gone at any moment, so whatever is said again means the same: an attempt is named by its id, a result is fetched by
 * the driver as often as it takes, and the agent keeps it until the driver has it.
 */
import type { Readable } from 'node:stream'
import * as v from 'valibot'
import { guestEvent, plannedInstance } from '../results/validate.ts'

export const PROTOCOL = 1

/** Letters of a line. An event that is longer is cut down by its sender; whoever sends more is none of ours. */
export const LONGEST_LINE = 1 << 20
/** What an attempt left, packed, in its folder. */
export const ARCHIVE = 'archive.gz'
/** Bytes of an archive in one message. */
export const CHUNK_BYTES = 96 << 10
/** Attempts that an agent may name: more than a plan has instances. */
const MOST_ATTEMPTS = 20_000

const whole = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
const line = v.pipe(v.string(), v.maxLength(4000))
const name = v.pipe(v.string(), v.minLength(1), v.maxLength(1000))
const sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))

/** How the process of a guest ended, and what it last said of itself. */
const ending = v.object({
  code: v.exactOptional(v.pipe(v.number(), v.safeInteger())),
  signal: v.exactOptional(line),
  startError: v.exactOptional(line),
  timedOut: v.exactOptional(v.boolean()),
  startedAt: v.pipe(v.string(), v.isoTimestamp()),
  elapsedMs: v.pipe(v.number(), v.minValue(0)),
  /** The last totals, for a guest that left no record. */
  stats: v.exactOptional(
    v.object({ rounds: whole, counters: v.record(v.string(), v.number()), cpuMs: v.pipe(v.number(), v.minValue(0)) }),
  ),
})

/** What the guest left behind, packed: see `pack.ts`. */
const archive = v.object({ bytes: v.pipe(whole, v.minValue(1)), sha256 })

const driverMessage = v.variant('type', [
  v.object({
    type: v.literal('hello'),
    protocol: v.literal(PROTOCOL),
    /** What the driver calls the host: results name it. */
    host: name,
    /** The agent ends when it had nothing to do and nobody was attached for so long. */
    idleMs: whole,
  }),
  v.object({ type: v.literal('assign'), attempt: name, key: name, instance: plannedInstance }),
  /** An orderly end, of one attempt or of all. */
  v.object({ type: v.literal('stop'), attempt: v.exactOptional(name) }),
  /** Sends the archive of an attempt that has ended, from this byte on. */
  v.object({ type: v.literal('fetch'), attempt: name, from: whole }),
  /** Nothing of it is wanted any more: it was received, or another attempt was first. */
  v.object({ type: v.literal('drop'), attempt: name }),
  v.object({ type: v.literal('ping'), n: whole }),
  /** The run is over: the agent ends and leaves nothing behind. */
  v.object({ type: v.literal('bye') }),
])

const agentMessage = v.variant('type', [
  v.object({
    type: v.literal('hello'),
    protocol: v.literal(PROTOCOL),
    /** Folder of the bundle there: positions in stacks begin with it. */
    bundle: name,
    attempts: v.pipe(
      v.array(v.object({ attempt: name, key: name, state: v.picklist(['running', 'ended']) })),
      v.maxLength(MOST_ATTEMPTS),
    ),
  }),
  v.object({ type: v.literal('started'), attempt: name }),
  v.object({ type: v.literal('event'), attempt: name, event: guestEvent }),
  v.object({ type: v.literal('ended'), attempt: name, ending, archive }),
  /** The host could not do it, and nothing of it counts: its disk is full, say. */
  v.object({ type: v.literal('refused'), attempt: name, why: line }),
  v.object({ type: v.literal('chunk'), attempt: name, at: whole, data: v.pipe(v.string(), v.base64()) }),
  v.object({ type: v.literal('pong'), n: whole }),
  /** The agent cannot go on, and why. */
  v.object({ type: v.literal('problem'), message: line }),
])

type Frozen<T> = { readonly [K in keyof T]: T[K] }
export type DriverMessage = Frozen<v.InferOutput<typeof driverMessage>>
export type AgentMessage = Frozen<v.InferOutput<typeof agentMessage>>
export type Ending = Frozen<v.InferOutput<typeof ending>>
export type Archive = Frozen<v.InferOutput<typeof archive>>

/** What arrived is none of our messages. The text says what is wrong with it, in one line. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError'
}

export const parseDriverMessage = (text: string): DriverMessage => parse(driverMessage, text) as DriverMessage
export const parseAgentMessage = (text: string): AgentMessage => parse(agentMessage, text) as AgentMessage

function parse(schema: typeof driverMessage | typeof agentMessage, text: string): unknown {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new ProtocolError(`not a message: ${shown(text)}`)
  }
  const checked = v.safeParse(schema, value)
  if (checked.success) return checked.output
  const [issue] = checked.issues
  const spoken = (value as { protocol?: unknown } | null)?.protocol
  if (typeof spoken === 'number' && spoken !== PROTOCOL)
    throw new ProtocolError(`it speaks version ${spoken} of the protocol, and this torture ${PROTOCOL}`)
  throw new ProtocolError(`not a message: ${v.getDotPath(issue) ?? 'it'}: ${shown(issue.message)}: ${shown(text)}`)
}

const shown = (text: string): string => {
  const plain = text.replace(/[^\x20-\x7e]+/g, ' ')
  return plain.length > 100 ? `${plain.slice(0, 100)}…` : plain
}

export const encode = (message: DriverMessage | AgentMessage): string => `${JSON.stringify(message)}\n`

/**
 * Reads lines until the stream ends; an unfinished last one is dropped.
 * @param longest letters of a line
 * @throws ProtocolError for a longer one, and whatever the stream fails with
 */
export async function* linesOf(stream: Readable, longest: number): AsyncGenerator<string> {
  let torn = ''
  // Whoever stops reading may have a last word to write.
  for await (const text of stream.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
    const lines = (torn + text).split('\n')
    torn = lines.pop()!
    if (torn.length > longest) throw new ProtocolError(`a line of more than ${longest} letters`)
    for (const line of lines) {
      if (line.length > longest) throw new ProtocolError(`a line of more than ${longest} letters`)
      yield line
    }
  }
}
