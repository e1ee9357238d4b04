/** Hosts that are this machine, each with a folder of its own. */
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Workspace } from './cli.ts'

const AGENT = fileURLToPath(new URL('../fixtures/fleet-agent.mjs', import.meta.url))

export interface Host {
  readonly cpus?: number
  /** An agent that runs nothing, in this way: see fixtures/fleet-agent.mjs. */
  readonly mode?: string
}

/** Writes a hosts file and returns its name. */
export function hostsIn({ dir }: Workspace, hosts: Readonly<Record<string, Host>>, file = 'lab.json'): string {
  const specs = Object.entries(hosts).map(([name, { cpus, mode }]) => ({
    name,
    carrier: 'local',
    directory: join(dir, `host-${name}`),
    ...(cpus !== undefined && { cpus }),
    ...(mode !== undefined && { node: fakeNode(dir, mode) }),
  }))
  writeFileSync(join(dir, file), JSON.stringify({ hosts: specs }))
  return file
}

/** What is started as the host's Node, and is the agent that runs nothing. */
function fakeNode(dir: string, mode: string): string {
  const path = join(dir, `node-${mode}`)
  writeFileSync(path, `#!/bin/sh\nexec '${process.execPath}' '${AGENT}' ${mode} "$@"\n`)
  chmodSync(path, 0o755)
  return path
}

export interface Event {
  readonly type: string
  readonly instance?: string
  readonly host?: string
  readonly attempt?: string
  readonly how?: string
  readonly state?: string
  readonly problem?: string
  readonly bytes?: number
}

/** The log of the newest run. */
export function eventsOf({ dir, runs }: Workspace): Event[] {
  const path = join(dir, 'torture-results', runs().at(-1)!, 'events.jsonl')
  return readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
}

/** What is left of runs on the hosts. */
export function runsLeft({ dir }: Workspace): string[] {
  return readdirSync(dir)
    .filter(name => name.startsWith('host-') && existsSync(join(dir, name, 'runs')))
    .flatMap(name => readdirSync(join(dir, name, 'runs')).map(run => `${name}/${run}`))
}
