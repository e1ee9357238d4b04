/**
 * The agent: what runs on a host while nobody from us is there.
 *
 *   node agent.js attach RUNDIR   its stdin and stdout are the driver's stream; starts the agent if none runs
 *   node agent.js serve RUNDIR    the agent itself
 */
import { attach } from './attach.ts'

const [mode, runDir] = process.argv.slice(2)

try {
  if (runDir === undefined || (mode !== 'attach' && mode !== 'serve'))
    throw new Error(
      "usage: node agent.js attach RUNDIR (the folder of a run on this host; a driver's stream is needed)",
    )
  if (mode === 'attach') await attach(runDir)
  // Loaded here: whoever only attaches does not wait for it.
  else await (await import('./serve.ts')).serve(runDir)
} catch (error) {
  console.error(`torture agent: ${(error as Error).message}`)
  process.exit(3)
}
