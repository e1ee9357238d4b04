/** A guest as its runner sees it: what is over leaves nothing behind that keeps the runner from ending. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import t from 'tap'
import { startGuest } from '../torture/runner/guest-process.ts'
import { temporaryFolder } from './helpers/folders.ts'
import { instanceOf } from './helpers/guest.ts'

const folder = temporaryFolder(t, 'torture-runner')
writeFileSync(join(folder, 'guest.js'), '')
const manifest = { schema: 1, torture: '', scenarios: [], bugs: [], inputs: [] } as const
const timers = () => process.getActiveResourcesInfo().filter(name => name === 'Timeout').length

t.test('a guest that was told to stop when it had ended already is not waited for', async t => {
  const run = join(folder, 'run')
  mkdirSync(run)
  const instance = instanceOf('none', { body: 1 })
  const guest = startGuest(execa, { hash: '', dir: folder, manifest }, run, instance, () => {})
  t.match(await guest.ended, { code: 0, timedOut: false })
  const before = timers()
  guest.stop()
  t.equal(timers(), before)
})
