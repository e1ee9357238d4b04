/**
 * `npm run certificates [-- --budget 10s]`: which of the good scenarios the partial-order reduction explores in full at
 * their smallest loads, and why not the others. The result goes to docs/certificates.md.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { execa } from 'execa'
import type { Exploration, RunSummary } from '../results/schema.ts'
import { builtinManifest } from '../torture/bundle/builtin.ts'
import { packageRoot } from '../torture/paths.ts'

const TSO = ['--memory-model', 'tso']

/** Folders of scenarios, what makes their loads small, and the memory model if it is a weaker one. */
const GROUPS = [
  { folder: 'patterns', flags: ['--ops', '1'] },
  { folder: 'litmus', flags: ['--ops', '1', '--param', 'access=atomic'] },
  { folder: 'orderings', flags: ['--ops', '1'] },
  { folder: 'classics', flags: ['--ops', '1'] },
  { folder: 'locks', flags: ['--ops', '1', '--threads', 'locker=2', '--param', 'locks=1'] },
  { folder: 'lockless', flags: ['--ops', '1'] },
  { folder: 'histories', flags: ['--ops', '1'] },
  { folder: 'patterns', flags: ['--ops', '1', ...TSO], model: 'under total store order' },
  { folder: 'litmus', flags: ['--ops', '1', '--param', 'access=atomic', ...TSO], model: 'under total store order' },
  { folder: 'orderings', flags: ['--ops', '1', ...TSO], model: 'under total store order' },
] satisfies { folder: string; flags: string[]; model?: string }[]

const { values } = parseArgs({ options: { budget: { type: 'string', default: '10s' } } })
const { scenarios } = await builtinManifest()
const started = new Date()
const sections: string[] = []
for (const { folder, flags, model } of GROUPS) {
  const names = scenarios
    .filter(({ source, tags }) => source.includes(`scenarios/${folder}/`) && !tags.includes('bad'))
    .map(({ name }) => name)
  const common = ['--strategy', 'dpor', ...flags, '--budget', values.budget, '--cpus', '1', '--seed', '1']
  const { instances } = await explore([names.join(','), ...common])
  const command = `torture explore ${names.join(',')} ${common.join(' ')}`
  const rows = instances.map(({ scenario, exploration }) => `| \`${scenario}\` | ${cells(exploration).join(' | ')} |`)
  const table = ['| | executions | choices | |', '| --- | ---: | ---: | --- |', ...rows].join('\n')
  sections.push(`## ${[folder, model].filter(Boolean).join(', ')}\n\n\`\`\`sh\n${command}\n\`\`\`\n\n${table}\n`)
  process.stdout.write(`${folder}: ${instances.length} scenarios\n`)
}

const day = started.toISOString().slice(0, 16).replace('T', ' ')
writeFileSync(
  join(packageRoot, 'docs/certificates.md'),
  `# What is explored in full

This page is written by \`npm run certificates\`; do not edit it. What a certificate is, and what it is worth: [exploring](exploring.md#what-a-clean-search-is-worth).

Each good scenario at a small load (\`more()\` says yes once, two threads at one lock), with ${values.budget} for the reduction by itself, on one CPU. What the bodies draw is that of one seed: where they draw themselves apart there is but one class. Those that are not done then are so with fewer operations or more time, or not at all: the number of classes grows exponentially with both. The litmus tests are those with atomic accesses; the ones that tear have plain accesses only, which are none of the explorer's business. ${day} UTC.

${sections.join('\n')}`,
)

/** @throws Error where there is no summary */
async function explore(args: readonly string[]): Promise<RunSummary> {
  const dir = mkdtempSync(join(tmpdir(), 'certificates-'))
  try {
    const cli = join(packageRoot, 'dist/cli/cli.js')
    const run = await execa(process.execPath, [cli, 'explore', ...args], { cwd: dir, reject: false })
    if (run.exitCode === 2) throw new Error(run.stderr)
    const runs = join(dir, 'torture-results')
    const [id] = readdirSync(runs).filter(name => /^\d/.test(name))
    return JSON.parse(readFileSync(join(runs, id, 'run.json'), 'utf8')) as RunSummary
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

function cells(exploration: Exploration | undefined): string[] {
  if (exploration === undefined) return ['', '', 'it did not come to an end']
  const { executions, choices, certificate, unproved, uncontrolled, cutOff, focus } = exploration
  const figures = [String(executions), String(choices)]
  const [classes] = certificate?.split(' of interleavings') ?? []
  if (classes !== undefined) return [...figures, `**${classes}**`]
  if (unproved !== undefined) return [...figures, `no: ${unproved}`]
  if (uncontrolled.length > 0) return [...figures, `no: ${uncontrolled[0]}`]
  if (focus[0] === 'all') return [...figures, 'nothing to explore: threads did not meet at atomic cells']
  const cut = cutOff > 0 ? `, ${cutOff} given up at the limit of steps` : ''
  return [...figures, `not done in ${values.budget}${cut}`]
}
