/**
 * What a qualification has found so far: a file of one JSON document a line, beside package.json, so that one that was
 * broken off can be continued. It takes hours; nothing of it may be lost.
 */
import { appendFileSync, existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import type { BugRow } from '../../results/trials.ts'
import { packageRoot } from '../../torture/paths.ts'
import type { CleanRun } from './runs.ts'

/** When, and of what, it was found. */
interface Origin {
  readonly at: string
  readonly commit: string
}

export type Entry = Origin &
  ({ readonly part: 'bugs'; readonly row: BugRow } | { readonly part: 'clean'; readonly run: CleanRun })
type Found = Entry extends infer E ? (E extends Origin ? Omit<E, keyof Origin> : never) : never

export class Journal {
  readonly entries: Entry[] = []
  readonly #path = join(packageRoot, 'qualification.jsonl')
  readonly #commit: string

  private constructor(commit: string) {
    this.#commit = commit
  }

  /** @param goOn keeps what an earlier one has found; otherwise that is removed */
  static async open(goOn: boolean): Promise<Journal> {
    const journal = new Journal(await commit())
    if (!goOn) rmSync(journal.#path, { force: true })
    else if (existsSync(journal.#path))
      // Its last line may have been broken off by a kill.
      for (const line of readFileSync(journal.#path, 'utf8').split('\n').slice(0, -1))
        journal.entries.push(JSON.parse(line) as Entry)
    return journal
  }

  add(found: Found): void {
    const entry = { at: new Date().toISOString(), commit: this.#commit, ...found } as Entry
    appendFileSync(this.#path, `${JSON.stringify(entry)}\n`)
    this.entries.push(entry)
  }

  get bugs(): BugRow[] {
    return this.entries.flatMap(entry => (entry.part === 'bugs' ? entry.row : []))
  }

  get clean(): CleanRun[] {
    return this.entries.flatMap(entry => (entry.part === 'clean' ? entry.run : []))
  }
}

async function commit(): Promise<string> {
  const git = (...args: string[]) => execa('git', args, { cwd: packageRoot, reject: false })
  const [head, changes] = await Promise.all([git('rev-parse', '--short=12', 'HEAD'), git('status', '--porcelain')])
  if (head.failed) return 'unknown (no git repository)'
  return changes.stdout === '' ? head.stdout : `${head.stdout}, with changes that are not committed`
}
