/**
 * sync-message 0.0.12: a channel on which a worker waits for one message at a time.
 *
 * The writer stores the message and its sign, and then notifies. A reader that comes in between sees the sign, takes the
 * message and waits for the next one: there the notify of the first wakes it. It does not look at the sign again, finds a
 * message of no length, and throws `Unexpected end of JSON input`. Only one message at a time is on the way, as the
 * documents ask: the writer here waits for an answer before it writes the next.
 *
 *     torture run ./sync-message.torture.ts --duration 1m
 *     torture explore ./sync-message.torture.ts
 */
import assert from 'node:assert/strict'
import './workers/self.mjs'
import * as channels from 'sync-message'
import { defineScenario } from 'torture'

const { makeAtomicsChannel, readMessage, writeMessageAtomics } =
  (channels as { default?: typeof channels }).default ?? channels

export default defineScenario({
  name: 'sync-message',
  summary: 'messages and answers over two channels, one at a time',
  tags: ['package'],
  params: { messages: { default: 3, min: 1, max: 1000, describe: 'messages of a round' } },
  setup: () => ({ there: makeAtomicsChannel({ bufferSize: 64 }), back: makeAtomicsChannel({ bufferSize: 64 }) }),
  threads: {
    asker: {
      run: ({ shared: { there, back }, params }) => {
        for (let n = 0; n < params.messages; n++) {
          writeMessageAtomics(there, { n })
          assert.deepEqual(readMessage(back, 'x'), { answer: n })
        }
      },
    },
    answerer: {
      run: ({ shared: { there, back }, params }) => {
        for (let n = 0; n < params.messages; n++) {
          assert.deepEqual(readMessage(there, 'x'), { n })
          writeMessageAtomics(back, { answer: n })
        }
      },
    },
  },
})
