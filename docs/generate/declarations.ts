/** Declaration files, taken apart: what tsc writes is regular enough that no parser of TypeScript is needed. */

export interface Declaration {
  readonly name: string
  /** The doc comment, without its marks; empty: there is none. */
  readonly comment: string
  readonly code: string
  readonly exported: boolean
}

export interface Module {
  readonly declarations: readonly Declaration[]
  /** `export … from` lines: names in braces, `*` or `* as name`, and the file. */
  readonly passedOn: readonly { readonly names: string; readonly from: string }[]
}

const DECLARED = /^(export )?(?:declare )?(?:abstract )?(?:const|let|function|class|interface|type) (\w+)/

/** Every statement begins at a line's beginning, and its doc comment right above it. */
export function takeApart(text: string): Module {
  const declarations: Declaration[] = []
  const passedOn: { names: string; from: string }[] = []
  const lines = text.split('\n')
  let comment = ''
  for (let n = 0; n < lines.length; n++) {
    const start = n
    const soFar = () => lines.slice(start, n + 1).join('\n')
    if (lines[n]!.startsWith('/**')) {
      while (!lines[n]!.includes('*/')) n++
      comment = soFar().replace(/^\/\*\*|\*\/$/g, '')
      continue
    }
    while (n < lines.length - 1 && !isWhole(soFar())) n++
    const from = /^export (?:type )?(?:\{(.*?)\}|(\*(?: as \w+)?)) from '(.*?)'/s.exec(soFar())
    if (from !== null) passedOn.push({ names: (from[1] ?? from[2])!.trim(), from: from[3]! })
    const [, exported, name] = DECLARED.exec(soFar()) ?? []
    if (name !== undefined) declarations.push({ name, exported: exported !== undefined, comment, code: shown(soFar()) })
    comment = ''
  }
  return { declarations, passedOn }
}

/** Whether a statement has closed all that it opened. Comments and strings may say what they like. */
function isWhole(statement: string): boolean {
  const code = statement.replace(/\/\*.*?\*\//gs, '').replace(/'[^'\n]*'|"[^"\n]*"/g, '')
  if (code.includes('/*')) return false
  const count = (letters: RegExp) => code.match(letters)?.length ?? 0
  return count(/[{([]/g) === count(/[})\]]/g) && /[;}]\s*$/.test(code)
}

/** As a reader wants it: without what is private, and without what every declaration would repeat. */
function shown(statement: string): string {
  return statement
    .replace(/^export (declare )?|^declare /, '')
    .replace(/^ +(\/\*\*(?:(?!\*\/).)*?\*\/\s*)?(private|protected) [^\n]*\n/gms, '')
    .replace(/^ +#private;\n/gm, '')
    .replace(/^( {4})+/gm, blanks => blanks.slice(blanks.length / 2))
}
