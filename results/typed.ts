/** Commands as the user would type them. */
import { shownPath } from './format.ts'
import type { PlannedInstance } from './schema.ts'

/** `npx torture` where the command was started so, and is probably not installed otherwise. */
export function program({ npm_lifecycle_event: event, npm_lifecycle_script: script = '' } = process.env): string {
  return event === 'npx' && /^["']?torture["']?( |$)/.test(script) ? 'npx torture' : 'torture'
}

/** A word of a shell's command line. */
export const quoted = (text: string): string =>
  /^[\w./@+=:,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`

/** How an instance's scenario is selected, with the parameters and bugs that it had. */
export function selection({ scenario, file, params, defaults = {}, bugs }: PlannedInstance): string[] {
  const path = file === undefined ? undefined : shownPath(file)
  const selector = path === undefined ? scenario : /[\\/]/.test(path) ? path : `./${path}`
  return [
    quoted(selector),
    ...Object.keys(defaults).map(name => `--param ${quoted(`${name}=${params[name]}`)}`),
    ...bugs.map(bug => `--bug ${bug}`),
  ]
}

export const threadFlags = ({ threads }: PlannedInstance): string[] =>
  threads.map(({ name, count }) => `--threads ${quoted(`${name}=${count}`)}`)

/** The command that repeats a failure, wherever its run stands among others. */
export const replayCommand = (runId: string, failureId: string): string => `${program()} replay ${runId}/${failureId}`
