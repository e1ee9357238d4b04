import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { removeFolder } from '../results/files.ts'
import { temporaryFolder } from './helpers/folders.ts'

/** Writes file after file for a moment, as a process does that was killed and is not gone yet. */
const WRITER = `
  const { workerData: { folder, begun } } = require('node:worker_threads')
  const { writeFileSync } = require('node:fs')
  const until = performance.now() + 200
  for (let n = 0; performance.now() < until; n++) {
    try { writeFileSync(folder + '/late-' + n, '') } catch { /* It is gone. */ }
    Atomics.store(begun, 0, 1)
    Atomics.notify(begun, 0)
  }`

t.test('a folder goes although somebody writes there who is about to end', async t => {
  const folder = join(temporaryFolder(t), 'a/b')
  mkdirSync(folder, { recursive: true })
  for (let n = 0; n < 1000; n++) writeFileSync(join(folder, String(n)), '')
  const begun = new Int32Array(new SharedArrayBuffer(4))
  const writer = new Worker(WRITER, { eval: true, workerData: { folder, begun } })
  Atomics.wait(begun, 0, 0)
  removeFolder(join(folder, '..'))
  t.notOk(existsSync(folder))
  await writer.terminate()
})

t.test('what is not there is removed already', async t => {
  t.doesNotThrow(() => removeFolder(join(temporaryFolder(t), 'nothing')))
})
