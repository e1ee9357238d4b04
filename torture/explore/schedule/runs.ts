/** Schedules as runs of one actor each, and the ways to make them simpler. Pure; nothing here knows whether it fits. */

export interface Run {
  readonly actor: number
  readonly count: number
}

export function runsOf(actors: ArrayLike<number>): Run[] {
  const runs: Run[] = []
  for (let at = 0; at < actors.length; ) {
    const from = at
    while (at < actors.length && actors[at] === actors[from]) at++
    runs.push({ actor: actors[from], count: at - from })
  }
  return runs
}

/** Neighbouring runs of one actor as one. */
export function joined(runs: readonly Run[]): Run[] {
  const all: Run[] = []
  for (const run of runs) {
    const last = all.at(-1)
    if (last?.actor === run.actor) all[all.length - 1] = { ...last, count: last.count + run.count }
    else all.push(run)
  }
  return all
}

export const actorsOf = (runs: readonly Run[]): number[] =>
  runs.flatMap(({ actor, count }) => new Array<number>(count).fill(actor))

/** Context switches of a schedule. */
export function switchesOf(actors: ArrayLike<number>): number {
  let switches = 0
  for (let at = 1; at < actors.length; at++) if (actors[at] !== actors[at - 1]) switches++
  return switches
}

/** Run n joins the run of its actor before it: what lay between comes after. Undefined if there is none. */
export function mergedBack(runs: readonly Run[], n: number): Run[] | undefined {
  const before = runs.findLastIndex(({ actor }, at) => at < n && actor === runs[n].actor)
  if (before < 0) return undefined
  return [...runs.slice(0, before + 1), runs[n], ...runs.slice(before + 1, n), ...runs.slice(n + 1)]
}

/** Run n joins the next run of its actor. Undefined if there is none. */
export function mergedForward(runs: readonly Run[], n: number): Run[] | undefined {
  const after = runs.findIndex(({ actor }, at) => at > n && actor === runs[n].actor)
  if (after < 0) return undefined
  return [...runs.slice(0, n), ...runs.slice(n + 1, after), runs[n], ...runs.slice(after)]
}

/** Without `count` steps of run n. */
export const shortened = (runs: readonly Run[], n: number, count: number): Run[] =>
  runs.flatMap((run, at) => {
    if (at !== n) return [run]
    return run.count === count ? [] : [{ ...run, count: run.count - count }]
  })

/** Without the first `count` steps of an actor. */
export function without(runs: readonly Run[], actor: number, count: number): Run[] {
  let left = count
  return runs.flatMap(run => {
    if (run.actor !== actor || left === 0) return [run]
    const fewer = Math.min(left, run.count)
    left -= fewer
    return run.count === fewer ? [] : [{ ...run, count: run.count - fewer }]
  })
}

/** Runs `from` to `to` put together by actor: in the order in which each first had its turn, or last. */
export function collapsed(runs: readonly Run[], from: number, to: number, by: 'first' | 'last'): Run[] {
  const counts = new Map<number, number>()
  for (const { actor, count } of runs.slice(from, to)) {
    const known = counts.get(actor) ?? 0
    // A map keeps the order in which its keys came.
    if (by === 'last') counts.delete(actor)
    counts.set(actor, known + count)
  }
  const window = [...counts].map(([actor, count]) => ({ actor, count }))
  return [...runs.slice(0, from), ...window, ...runs.slice(to)]
}

/** A schedule that was carried out, whose last switch lies before step `from`. */
export interface Done {
  readonly actors: readonly number[]
  readonly from: number
  /** Bits of the actors that could go, by step; left out: nobody knows. */
  readonly able?: ArrayLike<number>
}

/** The beginnings of such schedules with one switch more, at any later step, to any of the actors. */
export function* switched(schedules: readonly Done[], known: readonly number[]): Generator<number[]> {
  for (const { actors, from, able } of schedules) {
    for (let step = from; step < actors.length; step++) {
      for (const actor of known) {
        if (actor === actors[step] || (able !== undefined && (able[step] & (1 << actor)) === 0)) continue
        yield [...actors.slice(0, step), actor]
      }
    }
  }
}
