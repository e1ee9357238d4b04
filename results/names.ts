/** How things in a run store are named. A name becomes a folder, so it must not lead out of the one it is in. */

/** The name of a run's folder: UTC, so that names sort by time; a number is appended where two would be equal. */
export const RUN_ID = /^\d{4}\.\d\d\.\d\d-\d\d\.\d\d\.\d\d(-\d{1,6})?$/

/** A name without separators or a leading dot. */
export const FOLDER_NAME = /^[A-Za-z0-9_@][A-Za-z0-9_@.+-]*$/

/** A failure is called by its folder, relative to the run's. */
export const FAILURE_ID = /^([A-Za-z0-9_@][A-Za-z0-9_@.+-]*\/){1,3}failures\/\d{1,6}$/

/** `2026.11.20-23.49.00` */
export function runName(at: Date): string {
  const iso = at.toISOString()
  return `${iso.slice(0, 10).replaceAll('-', '.')}-${iso.slice(11, 19).replaceAll(':', '.')}`
}

/** Orders run ids: `…00` before `…00-2` before `…00-10`. */
export function byTime(a: string, b: string): number {
  const [time, other] = [a.slice(0, 19), b.slice(0, 19)]
  if (time !== other) return time < other ? -1 : 1
  return Number(a.slice(20) || 1) - Number(b.slice(20) || 1)
}
