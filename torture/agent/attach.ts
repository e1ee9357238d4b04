/** Connects the driver's stream to the agent of a run. Both ends may go at any time: the agent stays. */
import { spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

/** Relative to the folder of the run, which becomes the working directory: a socket's path may have 108 letters. */
export const SOCKET = 'agent.sock'
export const LOG = 'agent.log'

/** The program: what is compiled lies side by side, whoever has loaded it. */
const AGENT = join(dirname(fileURLToPath(import.meta.url)), 'agent.js')
const START_MS = 15_000
const RETRY_MS = 10
/** For the driver's last word to be heard. */
const FAREWELL_MS = 5_000

/** @throws where the agent does not start, with what it said */
export async function attach(runDir: string): Promise<void> {
  mkdirSync(runDir, { recursive: true, mode: 0o700 })
  process.chdir(runDir)
  const socket = (await reach()) ?? (await start())
  // The driver is gone, or the agent: there is nothing more to do here.
  const end = () => process.exit(0)
  socket.on('close', end).on('error', end)
  process.stdout.on('error', end)
  process.stdin.on('error', end)
  // An agent that hangs does not hear of it.
  process.stdin.on('end', () => setTimeout(end, FAREWELL_MS))
  process.stdin.pipe(socket)
  socket.pipe(process.stdout)
}

/** The agent's socket, or undefined where none listens. */
export function reach(): Promise<Socket | undefined> {
  return new Promise(resolve => {
    const socket = connect(SOCKET)
    socket.once('connect', () => resolve(socket))
    // Nobody listens, or nobody yet.
    socket.once('error', () => resolve(undefined))
  })
}

/** In a session of its own, so that it outlives the link that we came by. */
async function start(): Promise<Socket> {
  const log = openSync(LOG, 'a')
  const child = spawn(process.execPath, [AGENT, 'serve', '.'], {
    detached: true,
    stdio: ['ignore', log, log],
  })
  closeSync(log)
  child.unref()
  let failed = false
  child.on('error', () => {
    failed = true
  })
  child.on('exit', status => {
    // 0: another one was first.
    failed = status !== 0
  })
  for (const until = Date.now() + START_MS; Date.now() < until && !failed; await sleep(RETRY_MS)) {
    const socket = await reach()
    if (socket !== undefined) return socket
  }
  throw new Error(`the agent does not start: ${lastLine() || `no word within ${START_MS / 1000} s`}`)
}

function lastLine(): string {
  return readFileSync(LOG, 'utf8').trim().split('\n').at(-1)!.slice(0, 400)
}
