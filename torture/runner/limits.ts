import { existsSync } from 'node:fs'

/** What Node itself needs before a scenario has allocated anything: measured 49 MB, and about 10 MB a worker. */
export const BASELINE = 64 << 20

/** What V8 sets aside for code in the main thread from Node 24 on: address space only, which the limit counts as data. */
const CODE_RANGE = 512 << 20

const PRLIMIT = ['/usr/bin/prlimit', '/bin/prlimit']

/**
 * The words in front of a command that limit its data segment, shared memory included; none where there is no
 * `prlimit`.
 * @param bytes 0: no limit
 * @param node the binary that is started, where it is another one than ours: its version is not asked for
 */
export function memoryLimit(bytes: number, node?: string): string[] {
  const prlimit = PRLIMIT.find(path => existsSync(path))
  const reserves = node !== undefined || Number.parseInt(process.versions.node, 10) >= 24
  const limit = bytes + BASELINE + (reserves ? CODE_RANGE : 0)
  return bytes === 0 || prlimit === undefined ? [] : [prlimit, `--data=${limit}`]
}
