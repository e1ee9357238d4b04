/** `torture init`: writes a scenario to begin with. It runs as it is, and nothing that is there is ever overwritten. */
import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join, relative, resolve, sep } from 'node:path'
import type { Argv } from 'yargs'
import { program, quoted } from '../../results/typed.ts'
import { EXIT, InfrastructureError, UsageError } from '../errors.ts'
import { scenarioText } from './init-template.ts'

const DEFAULT_FILE = 'mine.torture.ts'
const EXTENSION = /\.([cm]?)([jt])s$/

export function options(yargs: Argv) {
  return yargs.positional('file', {
    type: 'string',
    describe: `the file to write: .ts, .mts, .js or .mjs; ${DEFAULT_FILE} unless given`,
  })
}

export async function main({ file }: { readonly file?: string }): Promise<number> {
  const target = targetOf(file ?? DEFAULT_FILE)
  const path = typed(target)
  write(
    target,
    scenarioText({
      name: nameOf(target),
      path: quoted(path),
      typed: EXTENSION.exec(target)![2] === 't',
      helper: resolvesTorture(target),
    }),
  )
  process.stdout.write(`wrote ${path}

next       ${program()} run ${quoted(path)} --duration 10s
           ${program()} explore ${quoted(path)}
`)
  return EXIT.ok
}

/** @throws UsageError where no scenario could be of that name */
function targetOf(given: string): string {
  const folder = /[\\/]$/.test(given) || isFolder(given)
  const target = resolve(folder ? join(given, DEFAULT_FILE) : given)
  const extension = /\.[^.]*$/.exec(basename(target))?.[0]
  if (extension === undefined) return `${target}.torture.ts`
  if (EXTENSION.exec(target)?.[1] === 'c' || !EXTENSION.test(target))
    throw new UsageError(`${given}: a scenario is a .ts, .mts, .js or .mjs file, not ${extension}`)
  return target
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch {
    // Not there, or below a file: writing will say what is wrong.
    return false
  }
}

/** `tests/My Ring.torture.ts` → `my-ring`, as names of scenarios are. */
function nameOf(file: string): string {
  const name = basename(file)
    .replace(EXTENSION, '')
    .replace(/\.torture$/, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
  return name.slice(0, 64) || 'mine'
}

/** As the selector of a file is typed. */
function typed(target: string): string {
  const path = relative(process.cwd(), target).split(sep).join('/')
  return path.startsWith('../') ? path : `./${path}`
}

function resolvesTorture(target: string): boolean {
  try {
    createRequire(target).resolve('torture')
    return true
  } catch {
    // Not installed there; a plain object needs no import.
    return false
  }
}

function write(target: string, text: string): void {
  try {
    mkdirSync(dirname(target), { recursive: true })
    writeFileSync(target, text, { flag: 'wx' })
  } catch (error) {
    const { code, syscall, message } = error as NodeJS.ErrnoException
    // A file where a folder should be says EEXIST as well.
    if (code === 'EEXIST' && syscall === 'open')
      throw new UsageError(`${typed(target)} exists and stays as it is: name another file`)
    // Begun, and not ended: the next try shall not find it.
    if (syscall === 'write') rmSync(target)
    if (code === 'ENOSPC' || code === 'EDQUOT')
      throw new InfrastructureError(`${typed(target)} cannot be written: the disk is full, free some space`)
    throw new UsageError(`${typed(target)} cannot be written: ${message}`)
  }
}
