/** The process of guest-stacks.test.ts: asks a thread that spins for its stack, waits for the answer, and ends. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { stacksOf } from '../../torture/guest/watch/stacks.ts'

const SPIN = "require('node:worker_threads').parentPort.postMessage('begun'); for (;;);"

const worker = new Worker(SPIN, { eval: true })
await once(worker, 'message')
const stacks = await stacksOf([worker.threadId], new Set(), Number(process.argv[2]))
process.stdout.write(`${stacks.size}`)
process.exit(3)
