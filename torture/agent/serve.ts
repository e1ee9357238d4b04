/** Makes one process of a host the agent of a run: listens on the socket in its folder. */
import { existsSync, mkdirSync, rmdirSync, rmSync, statSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { AGENT_FILE } from '../../remote/host/layout.ts'
import { replaceJson } from '../../results/files.ts'
import { thisRunner } from '../../results/process.ts'
import { readManifest } from '../bundle/manifest.ts'
import { Agent } from './agent.ts'
import { reach, SOCKET } from './attach.ts'

/** What is compiled lies side by side in the bundle's folder, which is named by its hash. */
const BUNDLE = dirname(fileURLToPath(import.meta.url))

const STARTING = '.starting'
/** Whoever was killed while starting is not waited for. */
const STARTING_MS = 10_000
const LOOK_MS = 2_000

export async function serve(runDir: string): Promise<void> {
  process.chdir(runDir)
  const server = createServer()
  if (!(await become(server))) return
  const hash = BUNDLE.split(/[\\/]/).at(-1)!
  const agent = new Agent({ hash, dir: BUNDLE, manifest: readManifest(BUNDLE) }, process.cwd(), code => {
    server.close()
    process.exit(code)
  })
  server.on('connection', socket => agent.attached(socket))
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => agent.end(0))
  // What it says of bundle and Node keeps `torture hosts clean` from removing those.
  replaceJson(AGENT_FILE, { ...thisRunner(), bundle: hash, node: process.execPath })
  const own = resolve(AGENT_FILE)
  setInterval(() => {
    // Whoever has removed the folder of the run wants nothing more of it.
    if (!existsSync(own)) agent.end(0)
  }, LOOK_MS).unref()
}

/** @returns false where another process is the agent, or is about to be */
async function become(server: Server): Promise<boolean> {
  if (!claim()) return false
  try {
    const other = await reach()
    other?.destroy()
    if (other !== undefined) return false
    // What a killed agent left.
    rmSync(SOCKET, { force: true })
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(SOCKET, resolve))
    return true
  } finally {
    rmdirSync(STARTING)
  }
}

/** Two that start at the same time must not both find a dead socket and put theirs in its place. */
function claim(again = false): boolean {
  try {
    mkdirSync(STARTING)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    const since = statSync(STARTING, { throwIfNoEntry: false })?.mtimeMs ?? 0
    if (again || Date.now() - since < STARTING_MS) return false
    rmdirSync(STARTING)
    return claim(true)
  }
}
