/** Runs the built command, once. */
import { execFile } from 'node:child_process'
import { CLI } from './cli.ts'
import { plainNode } from './node.ts'

export interface Said {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** @param cwd where it is typed */
export function torture(cwd: string, ...args: string[]): Promise<Said> {
  const env: NodeJS.ProcessEnv = { ...process.env, NO_COLOR: '1' }
  delete env.FORCE_COLOR
  return new Promise(resolve => {
    execFile('env', [...plainNode, CLI, ...args], { cwd, env, timeout: 60_000 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1
      resolve({ code, stdout, stderr })
    })
  })
}
