/**
 * `batch.json` in the folder of a run: what was submitted of it, and where. It is written before an array is submitted,
 * and again when its id is known: whoever is killed in between finds the array by its name.
 */
import { join } from 'node:path'
import * as v from 'valibot'
import { readBounded, replaceJson, StoreError } from '../../results/files.ts'
import { FOLDER_NAME } from '../../results/names.ts'

export const BATCH_FILE = 'batch.json'
const SCHEMA = 1
const LARGEST = 1 << 26

const array = v.object({
  name: v.string(),
  cpus: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
  /** The jobs of its tasks, in order. */
  keys: v.array(v.string()),
  /** What the batch system calls it; undefined: it was not submitted, or its id never came. */
  id: v.optional(v.pipe(v.string(), v.regex(/^\d+$/))),
  /** Nothing of it can come any more. */
  over: v.exactOptional(v.boolean()),
})

const record = v.object({
  schema: v.literal(SCHEMA),
  system: v.literal('slurm'),
  /** Names the run in the shared directory: two drivers may give two runs the same id. */
  key: v.pipe(v.string(), v.regex(FOLDER_NAME)),
  /** The shared directory. */
  directory: v.string(),
  options: v.array(v.string()),
  arrays: v.array(array),
})

export type ArrayRecord = v.InferOutput<typeof array>
export type BatchRecord = v.InferOutput<typeof record>

export function writeBatch(runDir: string, value: Omit<BatchRecord, 'schema'>): void {
  replaceJson(join(runDir, BATCH_FILE), { schema: SCHEMA, ...value })
}

/**
 * Undefined for a run that no batch system carried out.
 * @throws StoreError where it is damaged
 */
export function readBatch(runDir: string): BatchRecord | undefined {
  const path = join(runDir, BATCH_FILE)
  const text = readBounded(path, LARGEST)
  if (text === undefined) return undefined
  try {
    return v.parse(record, JSON.parse(text))
  } catch (error) {
    throw new StoreError('damaged', `${path} is damaged: say --via slurm again, after scancel of what still runs`, {
      cause: error,
    })
  }
}
