/** Threads whose stacks are asked for go on afterwards, however late they hear of it. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const FILE = fileURLToPath(new URL('helpers/late-stacks.ts', import.meta.url))

/** How the process ends, and how many stacks it got. */
const endOf = (budgetMs: number) =>
  new Promise<{ code: unknown; stacks: string }>(resolve => {
    const args = ['--import=tsx', FILE, String(budgetMs)]
    execFile(process.execPath, args, { timeout: 60_000, killSignal: 'SIGKILL' }, (error, stdout) =>
      resolve({ code: error?.code, stacks: stdout }),
    )
  })

t.test('a thread that has not answered yet is let go: one that paused would keep the process from ending', async t => {
  t.equal((await endOf(0)).code, 3)
})

t.test('one that has answered', async t => {
  t.same(await endOf(30_000), { code: 3, stacks: '1' })
})
