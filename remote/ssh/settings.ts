/** What an ssh configuration says of one host, whoever has read it: `ssh -G`, or the reader beside this file. */

/** Values by keyword in lower case, as OpenSSH has resolved them. */
export type Settings = ReadonlyMap<string, readonly string[]>

/** What the command line of an ssh would say beside the alias. */
export interface Overrides {
  readonly address?: string | undefined
  readonly port?: number | undefined
  readonly user?: string | undefined
}

/** Of the output of `ssh -G`. */
export function parseSettings(text: string): Settings {
  const settings = new Map<string, string[]>()
  for (const line of text.split('\n')) {
    const blank = line.indexOf(' ')
    if (blank < 1) continue
    const key = line.slice(0, blank).toLowerCase()
    settings.set(key, [...(settings.get(key) ?? []), line.slice(blank + 1).trim()])
  }
  return settings
}

/** The value of a keyword; the first of one that adds up. */
export const one = (settings: Settings, key: string): string | undefined => settings.get(key)?.[0]
