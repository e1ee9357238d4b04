/**
 * The guest process: `node guest.js <command.json>` runs one instance.
 *
 * A runner sets TORTURE_GUEST_DIR to the folder that it has made, listens on file descriptor 3 and holds the other end
 * of stdin: when that closes the runner is gone, and the guest ends at once without an end record. Run by hand, the
 * guest writes to a fresh folder and leaves stdin alone.
 */
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { GuestCommand, InstanceResult } from '../../results/schema.ts'
import { Guest } from './guest.ts'
import { Record } from './report/record.ts'
import { exitStatus } from './report/verdict.ts'

/** As the command: 2 bad input, 3 infrastructure. */
const USAGE = 2
const INFRASTRUCTURE = 3

main()

function main(): void {
  const path = process.argv[2]
  if (path === undefined) leave(USAGE, 'usage: node guest.js COMMAND.JSON (a file that a run has written)')
  const runner = process.env.TORTURE_GUEST_DIR
  process.on('uncaughtException', error => {
    // The machine's fault is one line; anything else is ours, and its stack is wanted.
    leave(INFRASTRUCTURE, `the guest cannot go on: ${error.name === 'StoreError' ? error.message : error.stack}`)
  })
  const { instance } = readCommand(path)
  const record = new Record(instance, runner)
  if (runner === undefined) console.log(`${instance.name} writes to ${record.folder}`)
  record.emit({ type: 'ready', pid: process.pid })
  const guest = new Guest(instance, record, result => {
    describe(result)
    // One turn of the loop for what the threads have printed.
    setImmediate(() => process.exit(exitStatus(result.verdict)))
  })
  guest.start(import.meta.url)
  obeySignals(guest)
  if (runner !== undefined) obeyRunner(guest)
}

function readCommand(path: string): GuestCommand {
  try {
    const command = JSON.parse(readFileSync(path, 'utf8')) as GuestCommand
    if (!Array.isArray(command.instance?.threads)) throw new Error('it holds no instance')
    return command
  } catch (error) {
    return leave(USAGE, `cannot read ${path}: ${error instanceof Error ? error.message : error}`)
  }
}

/** The first one stops in order, a second one at once. */
function obeySignals(guest: Guest): void {
  let asked = 0
  const stop = () => {
    if (asked++ > 0) leave(INFRASTRUCTURE, 'stopped')
    guest.stop()
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
}

function obeyRunner(guest: Guest): void {
  createInterface({ input: process.stdin })
    .on('line', line => {
      if (line.includes('"stop"')) guest.stop()
    })
    .on('close', () => leave(INFRASTRUCTURE, 'the runner is gone'))
}

function leave(status: number, why: string): never {
  console.error(why)
  process.exit(status)
}

function describe(result: InstanceResult): void {
  const { name, verdict, reason, rounds, durationMs, seed } = result
  console.log(`${name} ${verdict}: ${rounds} rounds in ${(durationMs / 1000).toFixed(1)} s, seed ${seed}`)
  if (reason !== undefined) console.log(`  ${reason}`)
}
