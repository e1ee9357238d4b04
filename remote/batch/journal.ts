/** Reads what the agent of an attempt has written so far; nothing of it is believed before it was checked. */
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import { StringDecoder } from 'node:string_decoder'
import type { Collector } from '../fleet/collect.ts'
import {
  type AgentMessage,
  ARCHIVE,
  type Archive,
  LONGEST_LINE,
  ProtocolError,
  parseAgentMessage,
} from '../protocol.ts'
import { JOURNAL } from './spool.ts'

const PART = 64 << 10

export class Journal {
  readonly #file: string
  readonly #decoder = new StringDecoder('utf8')
  #at = 0
  #torn = ''

  /** @param folder of the attempt */
  constructor(folder: string) {
    this.#file = join(folder, JOURNAL)
  }

  /** What was written since the last time; nothing as long as there is no such file. @throws ProtocolError */
  async read(): Promise<AgentMessage[]> {
    const messages: AgentMessage[] = []
    for await (const bytes of partsOf(this.#file, this.#at)) {
      this.#at += bytes.length
      const lines = (this.#torn + this.#decoder.write(bytes)).split('\n')
      this.#torn = lines.pop()!
      if (this.#torn.length > LONGEST_LINE) throw new ProtocolError(`a line of more than ${LONGEST_LINE} letters`)
      messages.push(...lines.map(parseAgentMessage))
    }
    return messages
  }
}

/**
 * Takes what an attempt has left over to the collector.
 * @returns false where not all of it is to be seen yet
 * @throws ProtocolError where it is not what was announced
 */
export async function fetchArchive(folder: string, id: string, archive: Archive, to: Collector): Promise<boolean> {
  let at = to.expect(id, archive)
  for await (const bytes of partsOf(join(folder, ARCHIVE), at)) {
    if (to.take(id, at, bytes.toString('base64'))) return true
    at += bytes.length
  }
  return false
}

/** A file from a position on to its present end. Links are not followed: nobody but the agent has a say in what is read. */
async function* partsOf(path: string, from: number): AsyncGenerator<Buffer> {
  let file: FileHandle
  try {
    file = await open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    if ((error as NodeJS.ErrnoException).code === 'ELOOP') throw new ProtocolError('a link where a file should be')
    throw error
  }
  try {
    if (!(await file.stat()).isFile()) throw new ProtocolError('something else where a file should be')
    for (let at = from; ; ) {
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(PART), 0, PART, at)
      if (bytesRead === 0) return
      at += bytesRead
      yield buffer.subarray(0, bytesRead)
    }
  } finally {
    await file.close()
  }
}
