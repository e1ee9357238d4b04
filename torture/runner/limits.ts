import { existsSync } from 'node:fs'

/** What Node itself needs before a scenario has allocated anything: measured 49 MB, and about 10 MB a worker. */
export const BASELINE = 64 << 20

const PRLIMIT = ['/usr/bin/prlimit', '/bin/prlimit']

/**
 * The words in front of a command that limit its data segment, shared memory included; none where there is no
 * `prlimit`. @param bytes 0: no limit
 */
export function memoryLimit(bytes: number): string[] {
  const prlimit = PRLIMIT.find(path => existsSync(path))
  return bytes === 0 || prlimit === undefined ? [] : [prlimit, `--data=${bytes + BASELINE}`]
}
