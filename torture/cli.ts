#!/usr/bin/env node
/**
 * The command. It knows of each command its name, usage line and summary; the rest is loaded on use, so that asking
 * for help costs little more than starting Node.
 */
import yargs from 'yargs'
import type { Command } from './commands/command.ts'
import { EXIT, UsageError } from './errors.ts'
import { version } from './paths.ts'
import { hint } from './plan/nearest.ts'

const commands: Readonly<Record<string, Command>> = {
  run: {
    usage: 'run [selectors..]',
    summary: 'stress scenarios on real parallel threads',
    load: () => import('./commands/run.ts'),
  },
  rerun: {
    usage: 'rerun [run]',
    summary: 'complete a run that was cut off, or repeat (a part of) one, from the stored bundle',
    load: () => import('./commands/rerun.ts'),
  },
  explore: {
    usage: 'explore [selectors..]',
    summary: 'search for a schedule that fails, one thread at a time',
    load: () => import('./commands/explore.ts'),
  },
  replay: {
    usage: 'replay [failure]',
    summary: 'carry out the schedule of a failure again',
    load: () => import('./commands/replay.ts'),
  },
  scale: {
    usage: 'scale [selectors..]',
    summary: 'measure scenarios side by side over numbers of threads',
    load: () => import('./commands/scale.ts'),
  },
  bugs: {
    usage: 'bugs [ids..]',
    summary: 'which of the known bugs are caught, by what, how soon',
    load: () => import('./commands/bugs.ts'),
  },
  list: {
    usage: 'list [what]',
    summary: 'scenarios, bugs or runs',
    load: () => import('./commands/list.ts'),
  },
  report: {
    usage: 'report [run]',
    summary: 'what a run found, as text, json, junit or tap',
    load: () => import('./commands/report.ts'),
  },
  init: {
    usage: 'init [file]',
    summary: 'write a scenario to begin with, which runs at once',
    load: () => import('./commands/init.ts'),
  },
  hosts: {
    usage: 'hosts [action] [hosts]',
    summary: 'the machines of a fleet: check them, or clean what old runs left there',
    load: () => import('./commands/hosts.ts'),
  },
  clean: {
    usage: 'clean',
    summary: 'remove old runs, and bundles that no run refers to',
    load: () => import('./commands/clean.ts'),
  },
}

/** Commands that the design names and this version does not have: their users deserve better than "unknown". */
const later = ['compare']

function parser(args: readonly string[]) {
  return yargs(args)
    .locale('en')
    .parserConfiguration({
      'parse-numbers': false,
      'parse-positional-numbers': false,
      'camel-case-expansion': false,
      'dot-notation': false,
      'boolean-negation': false,
      'greedy-arrays': false,
      'duplicate-arguments-array': true,
    })
    .help('help')
    .version(version)
    .exitProcess(false)
    .showHelpOnFail(false)
    .wrap(Math.min(120, process.stdout.columns ?? 100))
    .fail((message, error) => {
      if (error !== undefined && error !== null && error.name !== 'YError') throw error
      const [, unfinished] = /^Not enough arguments following: (.+)$/.exec(message) ?? []
      throw new UsageError(
        unfinished === undefined ? message.replaceAll('\n', ' ') : `${dashed(unfinished)} needs a value`,
      )
    })
}

function unknownCommand(name: string): UsageError {
  if (later.includes(name)) return new UsageError(`'${name}' is not in this version: see ROADMAP.md`)
  return new UsageError(`there is no command '${name}': ${hint(name, Object.keys(commands), 'see torture --help')}`)
}

const dashed = (name: string) => `${name.length === 1 ? '-' : '--'}${name}`

/** Names what yargs would let pass: flags that nobody declared, and flags given twice that take one value. */
function checkFlags(argv: Record<string, unknown>, known: Declared, positionals: string): void {
  const names = new Set(Object.keys(known.key))
  const arrays = new Set([...known.array, ...(/(\w+)\.\./.exec(positionals) ?? [])])
  for (const [name, value] of Object.entries(argv)) {
    if (name === '_' || name === '$0') continue
    const flag = dashed(name)
    if (!names.has(name)) {
      const otherwise = `see torture ${process.argv[2]} --help`
      throw new UsageError(`there is no flag ${flag}: ${hint(flag, [...names].map(dashed), otherwise)}`)
    }
    if (Array.isArray(value) && !arrays.has(name)) throw new UsageError(`${flag} is given more than once`)
    if (value === '')
      throw new UsageError(positionals.includes(name) ? `an empty name of a ${name}` : `${flag} needs a value`)
  }
}

/** yargs takes `--dry-run=yes` for no. */
function checkSwitches(args: readonly string[], switches: readonly string[]): void {
  const end = args.indexOf('--')
  for (const arg of end < 0 ? args : args.slice(0, end)) {
    const [, name, value] = /^--([^=]+)=(.*)$/s.exec(arg) ?? []
    if (!switches.includes(name) || value === 'true' || value === 'false') continue
    throw new UsageError(`${arg}: write --${name}, without a value`)
  }
}

/** What yargs' `getOptions` tells of the flags declared so far; its types do not mention it. */
interface Declared {
  readonly key: Readonly<Record<string, unknown>>
  readonly boolean: readonly string[]
  readonly array: readonly string[]
}

async function main(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args
  if (name === undefined) {
    throw new UsageError('no command given: try torture run --scenario vma-lock, or torture --help')
  }
  if (name.startsWith('-')) return overview(args)
  if (!Object.hasOwn(commands, name)) throw unknownCommand(name)
  return carryOut(name, rest)
}

/** `--help`, `--version`, and flags without a command. */
async function overview(args: readonly string[]): Promise<number> {
  const cli = parser(args)
    .scriptName('torture')
    .usage('torture: concurrency stress testing in the style of rcutorture\n\n  torture <command> [flags]')
    .epilogue('torture <command> --help names the flags of a command.')
  for (const { usage, summary } of Object.values(commands)) cli.command(usage, summary)
  const { help, version: shown } = await cli.parseAsync()
  if (!help && !shown) throw new UsageError(`no command given before ${args[0]}: see torture --help`)
  return EXIT.ok
}

/**
 * Parses the arguments of one command and does it. To yargs it is the default command of a program of its own: for a
 * command among others yargs lays out the whole help text at every start.
 */
async function carryOut(name: string, args: readonly string[]): Promise<number> {
  const { usage, summary, load } = commands[name]
  const { options, main: act } = await load()
  const positionals = usage.slice(name.length)
  let status: number = EXIT.ok
  const cli = parser(args).scriptName(`torture ${name}`)
  cli.command(
    `$0${positionals}`,
    summary,
    own => options(own as never),
    async argv => {
      const declared = (cli as unknown as { getOptions(): Declared }).getOptions()
      checkFlags(argv, declared, positionals)
      checkSwitches(args, declared.boolean)
      if (argv._.length > 0)
        throw new UsageError(`torture ${name} does not take '${argv._[0]}': see torture ${name} --help`)
      status = await act(argv)
    },
  )
  await cli.parseAsync()
  return status
}

/** One line for errors of the user and of the surroundings; a stack only for defects of ours, and on demand. */
function explain(error: unknown): number {
  const { message, stack, exitCode, code } = error as Error & { exitCode?: number; code?: string }
  if (typeof exitCode === 'number') {
    process.stderr.write(`torture: ${message}\n`)
    return exitCode
  }
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    process.stderr.write(`torture: the disk is full (${message}): free some room, then torture rerun\n`)
    return EXIT.infrastructure
  }
  const more = process.env.TORTURE_DEBUG ? `\n${stack}` : ' (TORTURE_DEBUG=1 shows the stack)'
  process.stderr.write(`torture: internal error: ${message}${more}\n`)
  return EXIT.infrastructure
}

// Whoever reads our output may leave before we are done (`| head`): the work goes on, silently.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && error.code !== 'ERR_STREAM_DESTROYED') throw error
  })
}
process.on('uncaughtException', error => {
  process.exit(explain(error))
})

process.exitCode = await main(process.argv.slice(2)).catch(explain)
