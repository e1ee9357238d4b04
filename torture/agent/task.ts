/**
 * The agent as a task of a batch system: does the one thing that its order says, tells of it in a journal that lies
 * beside, and ends. There is no driver to ask; whoever reads the journal may come later, or never.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { attemptFolder, attemptId, JOURNAL, orderFile, parseOrder, stopFile } from '../../remote/batch/spool.ts'
import { type AgentMessage, encode, PROTOCOL } from '../../remote/protocol.ts'
import type { PlannedInstance } from '../../results/schema.ts'
import { readManifest } from '../bundle/manifest.ts'
import { CpuPool } from '../runner/affinity.ts'
import { Attempt } from './attempt.ts'
import { carryOut } from './carry-out.ts'

/** What is compiled lies side by side in the bundle's folder, which is named by its hash. */
const BUNDLE = dirname(fileURLToPath(import.meta.url))
const LOOK_MS = 500
/** As of a program that was ended by SIGTERM. */
const TERMINATED = 143
const REFUSED = 75

/**
 * @param array   the folder of the array
 * @param restart tells this start of the task from others: while an old one may still run, a new one begins
 * @param node    what the batch system calls this machine
 * @returns exit status: 0 if what there is to know of the attempt lies in its folder
 */
export async function task(array: string, index: number, restart: string, node: string): Promise<number> {
  const order = parseOrder(readFileSync(orderFile(array, index), 'utf8'))
  const instance = order.instance as PlannedInstance
  const id = attemptId(order, restart, node)
  const attempt = Attempt.create(attemptFolder(array, index, restart), id, order.key, instance)
  const journal = join(attempt.folder, JOURNAL)
  const say = (message: AgentMessage) => appendFileSync(journal, encode(message))
  const bundle = { hash: BUNDLE.split(/[\\/]/).at(-1)!, dir: BUNDLE, manifest: readManifest(BUNDLE) }
  process.env.TORTURE_HOST = node
  say({
    type: 'hello',
    protocol: PROTOCOL,
    bundle: BUNDLE,
    attempts: [{ attempt: id, key: order.key, state: 'running' }],
  })

  // What is ended from outside has not ended: it says nothing more, and is done again by somebody.
  const leave = () => {
    attempt.kill()
    process.exit(TERMINATED)
  }
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, leave)
  const watch = setInterval(() => {
    // Whoever has removed the folder wants nothing more of it.
    if (!existsSync(journal)) leave()
    if (existsSync(stopFile(array, index))) attempt.stop()
  }, LOOK_MS)
  const cpu = instance.mode === 'explore' ? new CpuPool().take() : undefined
  try {
    await carryOut(attempt, instance, { bundle, cpu, say, wanted: () => existsSync(journal) })
    if (attempt.ended !== undefined) say({ type: 'ended', attempt: id, ...attempt.ended })
    return 0
  } catch (error) {
    say({ type: 'refused', attempt: id, why: (error as Error).message.slice(0, 1000) })
    return REFUSED
  } finally {
    clearInterval(watch)
  }
}
