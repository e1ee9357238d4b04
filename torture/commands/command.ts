import type { Argv } from 'yargs'

/** What a file in commands/ exports. It is loaded only when its command is used. */
export interface CommandModule {
  /** Declares the command's flags. All values arrive as strings: the command checks them itself, in its own words. */
  options(yargs: Argv): Argv<any>
  /** Does the work and returns the exit status. Errors of the user are thrown as `UsageError`. */
  main(argv: any): Promise<number>
}

export interface Command {
  readonly usage: string
  readonly summary: string
  readonly load: () => Promise<CommandModule>
}
