/** TAP 14: a test point an instance, with its numbers as a YAML block. */
import { oneLine } from '../format.ts'
import type { InstanceResult, PlannedInstance, Verdict } from '../schema.ts'
import { answerOf, standings } from '../trials.ts'
import { replayCommand } from '../typed.ts'
import type { EndedRun } from './reporter.ts'

export function tap({ plan, results }: EndedRun): string {
  const lines = ['TAP version 14', `1..${plan.instances.length}`]
  const counted = standings(plan, results)
  plan.instances.forEach((instance, n) => {
    lines.push(...testPoint(n + 1, instance, results.get(instance.name), counted.get(instance.name), plan.id))
  })
  return `${lines.join('\n')}\n`
}

function testPoint(
  n: number,
  instance: PlannedInstance,
  result: InstanceResult | undefined,
  verdict: Verdict | 'never finished' = 'never finished',
  runId: string,
): string[] {
  const ok = verdict === 'pass' || verdict === 'skipped'
  const why = result === undefined ? '' : whyOf(instance, result)
  const words = ok ? instance.name : `${instance.name} ${verdict}${why === '' ? '' : `: ${why}`}`
  const skip = verdict === 'skipped' ? ` # SKIP ${escaped(result?.reason ?? '')}`.trimEnd() : ''
  const point = `${ok ? 'ok' : 'not ok'} ${n} - ${escaped(words)}${skip}`
  return result === undefined ? [point] : [point, ...yamlBlock(result, runId)]
}

function whyOf(instance: PlannedInstance, result: InstanceResult): string {
  if (instance.trial !== undefined) return answerOf(instance, result).text
  const [first] = result.failures
  return first === undefined ? (result.reason ?? '') : `${first.oracle}: ${first.message}`
}

/** Only a backslash and a hash mean anything in a description. */
const escaped = (text: string) => oneLine(text).replace(/[\\#]/g, '\\$&')

function yamlBlock(result: InstanceResult, runId: string): string[] {
  const {
    seed,
    host,
    durationMs,
    rounds,
    params,
    counters,
    rates,
    nearMisses,
    outcomes,
    exploration,
    bridge,
    failures,
    ...more
  } = result
  const fields = {
    verdict: more.verdict,
    ...(more.reason !== undefined && { reason: more.reason }),
    seed,
    host,
    duration_ms: durationMs,
    rounds,
    params,
    counters,
    rates,
    nearMisses,
    ...(outcomes !== undefined && { outcomes }),
    ...(exploration !== undefined && { exploration }),
    ...(bridge !== undefined && { bridge: { ...bridge, ...replayOf(bridge.replay, runId) } }),
    failures: failures.map(failure => ({
      ...failure,
      ...(failure.schedule !== undefined && replayOf(failure.id, runId)),
    })),
  }
  return ['  ---', ...Object.entries(fields).map(([key, value]) => `  ${key}: ${flow(value)}`), '  ...']
}

const replayOf = (failureId: string | undefined, runId: string) =>
  failureId === undefined ? {} : { replay: replayCommand(runId, failureId) }

/** JSON is YAML, but for the few characters that YAML does not take unescaped. */
function flow(value: unknown): string {
  return JSON.stringify(value).replace(/[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]/g, character => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}
