/** What a host answers comes from outside: each answer is checked, and everything that it may hold is bounded. */
import * as v from 'valibot'
import type { Answer, Answers } from '../host/requests.ts'

const word = v.pipe(v.string(), v.maxLength(300))
const line = v.pipe(v.string(), v.maxLength(5000))
const amount = v.pipe(v.number(), v.finite(), v.minValue(0))
const LONGEST_LIST = 100_000

const trouble = v.object({
  trouble: v.picklist(['no-space', 'no-permission', 'not-ours', 'damaged', 'protocol']),
  message: line,
})

const answers: { [K in keyof Answers]: v.GenericSchema<unknown, Answers[K]> } = {
  facts: v.object({
    hostname: word,
    platform: word,
    arch: word,
    node: v.pipe(v.string(), v.regex(/^\d+\.\d+\.\d+[\w.+-]{0,40}$/)),
    nodePath: line,
    cpus: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1 << 16)),
    freeBytes: amount,
    directory: line,
    state: v.picklist(['ours', 'absent', 'empty']),
    mostProcesses: v.exactOptional(amount),
  }),
  time: v.object({ now: amount }),
  want: v.object({ wanted: v.boolean() }),
  take: v.object({ taken: v.literal(true) }),
  attach: v.object({ attached: v.literal(true) }),
  clean: v.object({
    removed: v.pipe(v.array(v.object({ path: line, bytes: amount })), v.maxLength(LONGEST_LIST)),
    kept: amount,
    spared: v.pipe(v.array(line), v.maxLength(LONGEST_LIST)),
  }),
}

/** @returns undefined for what is no answer to that */
export function checkAnswer<K extends keyof Answers>(ask: K, said: unknown): Answer<K> | undefined {
  const refused = v.safeParse(trouble, said)
  if (refused.success) return refused.output
  const checked = v.safeParse(answers[ask], said)
  return checked.success ? checked.output : undefined
}
