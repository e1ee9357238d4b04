/** The evidence of a failure that is stored beside it: what the threads did. */
import * as v from 'valibot'
import { about, text, version, whole } from './terms.ts'

export const trace = about(
  '`failures/<n>/trace.json`: what the threads did last, merged from their flight recorders.',
  v.object({
    schema: version,
    threads: v.array(v.string()),
    entries: v.array(
      v.object({
        thread: v.string(),
        seq: about('Number of the entry in its thread.', whole),
        site: v.string(),
        a: v.number(),
        b: v.number(),
        us: v.exactOptional(about('Microseconds relative to the newest time stamp; hot paths take none.', v.number())),
        unordered: v.exactOptional(about('Closer than 1 us to an entry of another thread.', v.boolean())),
      }),
    ),
    cells: about('Words that were not zero.', v.array(v.object({ name: v.string(), value: v.number() }))),
  }),
)

const callEvents = v.array(
  v.object({
    begins: v.exactOptional(about('A recorded call that begins: `push(3)`.', text)),
    ends: v.exactOptional(about('What it is when it ends: `push → true`. Both: it has no step of its own.', text)),
  }),
)

export const interleaving = about(
  '`failures/<n>/interleaving.json`: every step of the failing execution, in the order in which it happened.',
  v.object({
    schema: version,
    schedule: text,
    threads: about('By number: `adder[0]`.', v.array(v.string())),
    steps: v.array(
      v.object({
        step: whole,
        thread: about('Number of the thread.', whole),
        op: about('`load`, `compareExchange`, `wait`, `wake`, …; `drain`: a delayed store reaches memory.', v.string()),
        cell: about('`lock.state`, `cells[0]`; empty for operations on none.', v.string()),
        read: v.exactOptional(about('The value that was found.', v.string())),
        wrote: v.exactOptional(about('The value that is there afterwards, where the step wrote.', v.string())),
        result: v.exactOptional(about('What the operation returned, where it is neither of the two.', v.string())),
        from: v.exactOptional(about('Step that wrote what was read; absent: it is from setup.', whole)),
        at: v.exactOptional(about('`queue.ts:41:12`', v.string())),
        preempted: v.exactOptional(about('The thread before could have gone on.', v.boolean())),
        before: v.exactOptional(about('Recorded calls of its thread that begin right before it.', callEvents)),
        after: v.exactOptional(about('Recorded calls of its thread that end right after it.', callEvents)),
      }),
    ),
    further: v.exactOptional(about('Steps after the last one: rounds of a livelock, which are all alike.', whole)),
    ending: about('How it ended: the failure, and what each thread was doing.', v.array(v.string())),
    minimised: v.exactOptional(
      about(
        'What the minimiser made of the schedule that was found.',
        v.object({
          foundSteps: whole,
          foundSwitches: whole,
          steps: whole,
          switches: whole,
          tried: whole,
          minimal: about(
            'Without any one of its switches or operations it does not fail; false: there was no time to try them all.',
            v.boolean(),
          ),
          strategy: v.string(),
          executions: whole,
        }),
      ),
    ),
  }),
)
