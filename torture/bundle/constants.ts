/**
 * What is done to the package's own modules after esbuild, so that the engine knows what never changes. All that is
 * reached through a constant, from field to field down to the address of a shared array, is then a number in the machine
 * code: a step of the explorer takes a fifth fewer instructions. The user's modules stay as they are made.
 *
 * - Top-level constants and functions are constants again: esbuild writes them as variables, which are loaded each time.
 * - A private name becomes an ordinary one of the same length. A class has to declare its private fields, and V8 takes
 *   such a field for one that changes: it is undefined at first, and something else once the constructor is done.
 * - For the same reason a declaration that says no more than a name (`board;`) goes, where the constructor assigns the
 *   field whatever happens.
 *
 * A class and what it extends must have no private name in common, which test/structure-private looks after.
 */
import { NAMESPACE } from './package-sources.ts'

const VARIABLE = /^var (?:([A-Z][A-Z_0-9]*) = |(\w+) = \/\* @__PURE__ \*\/ __name\()/
/** To a name that is there already. */
const ASSIGNMENT = /(?<!\bvar |[\w$.])(\w+) (?:[-+*/%|&^?]{1,2}|<<|>>>?)?= /g
const CLASS = /^(?:var \w+ = )?class\b.*\{$/
const PRIVATE_MEMBER = /^( +(?:static |get |set |async |\*)*)#(?=\w+(?:\(| =|;))/
const PRIVATE_USE = /(?<=[\w)\]]\??\.)#(?=[a-z])/g

/** Lines stay in their places, and nearly all columns do: source maps hold. @param code a module as esbuild writes it */
export function withConstants(code: string): string {
  const lines = code.split('\n')
  const assigned = new Set(Array.from(code.matchAll(ASSIGNMENT), ([, name]) => name))
  let ours = false
  for (let n = 0; n < lines.length; n++) {
    if (lines[n].startsWith('// ')) ours = isOurs(lines[n])
    if (!ours) continue
    if (CLASS.test(lines[n])) dropEmptyDeclarations(lines, n)
    const variable = VARIABLE.exec(lines[n])
    if (variable !== null && !assigned.has(variable[1] ?? variable[2])) lines[n] = lines[n].replace('var', 'const')
    lines[n] = lines[n].replace(PRIVATE_MEMBER, '$1_').replace(PRIVATE_USE, '_')
  }
  return lines.join('\n')
}

/** esbuild says in a line of its own which file follows. */
const isOurs = (line: string) => line.startsWith(`// ${NAMESPACE}:`) && !line.includes(':node_modules/')

/** @param from the first line of a class */
function dropEmptyDeclarations(lines: string[], from: number): void {
  const declared = new Map<string, number>()
  let inConstructor = false
  for (let n = from + 1; n < lines.length && !lines[n].startsWith('}'); n++) {
    const line = lines[n]
    const field = /^ {2}(#?\w+);$/.exec(line)?.[1]
    if (field !== undefined) declared.set(field, n)
    if (line.startsWith('  constructor(')) inConstructor = true
    else if (line.startsWith('  }')) inConstructor = false
    else if (inConstructor) {
      const at = declared.get(/^ {4}this\.(#?\w+) = /.exec(line)?.[1] ?? '')
      if (at !== undefined) lines[at] = ''
    }
  }
}
