/** What goes wrong on a host, in words that its driver can pass on. */

export type HostTrouble = 'no-space' | 'no-permission' | 'not-ours' | 'damaged' | 'protocol'

export class Trouble extends Error {
  readonly kind: HostTrouble

  constructor(kind: HostTrouble, message: string, options?: ErrorOptions) {
    super(message, options)
    this.kind = kind
  }
}

const KINDS: Readonly<Record<string, readonly [HostTrouble, string]>> = {
  ENOSPC: ['no-space', 'the disk is full: torture hosts clean frees what old runs left'],
  EDQUOT: ['no-space', 'the disk quota is used up: torture hosts clean frees what old runs left'],
  EACCES: ['no-permission', 'permission denied: give the host another directory in the hosts file'],
  EPERM: ['no-permission', 'not permitted: give the host another directory in the hosts file'],
  ENOENT: ['no-permission', 'it cannot be made there: give the host another directory in the hosts file'],
  EROFS: ['no-permission', 'the file system is read-only: give the host another directory in the hosts file'],
  ENOTDIR: ['not-ours', 'a file is in the way of a folder: give the host another directory in the hosts file'],
}

/** Turns an error of the file system into trouble with a name; anything else is a defect of ours. */
export function troubleOf(error: unknown, doing: string): Trouble {
  if (error instanceof Trouble) return error
  const { code, message } = error as NodeJS.ErrnoException
  const [kind, advice] = KINDS[code ?? ''] ?? ['protocol', message]
  return new Trouble(kind, `cannot ${doing}: ${advice}`, { cause: error })
}

export function trying<T>(doing: string, action: () => T): T {
  try {
    return action()
  } catch (error) {
    throw troubleOf(error, doing)
  }
}
