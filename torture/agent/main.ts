/**
 * The agent: what runs on a host while nobody from us is there.
 *
 *   node agent.js attach RUNDIR   its stdin and stdout are the driver's stream; starts the agent if none runs
 *   node agent.js serve RUNDIR    the agent itself
 *   node agent.js task ARRAYDIR INDEX RESTART NODE   as a task of a batch system: one attempt
 */
import { attach } from './attach.ts'

const [mode, folder, ...more] = process.argv.slice(2)

try {
  // Loaded here: whoever only attaches does not wait for the others.
  if (mode === 'attach' && folder !== undefined) await attach(folder)
  else if (mode === 'serve' && folder !== undefined) await (await import('./serve.ts')).serve(folder)
  else if (mode === 'task' && folder !== undefined && more.length === 3) {
    const [index, restart, node] = more
    process.exit(await (await import('./task.ts')).task(folder, Number(index), restart, node))
  } else {
    throw new Error(
      "usage: node agent.js attach RUNDIR (the folder of a run on this host; a driver's stream is needed)",
    )
  }
} catch (error) {
  console.error(`torture agent: ${(error as Error).message}`)
  process.exit(3)
}
