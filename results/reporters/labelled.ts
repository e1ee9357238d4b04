/** Lines of the closing summary: a label, and a text beside it. */
import { fit, wrap } from '../format.ts'
import type { Colour, Palette } from './palette.ts'

export interface Look {
  readonly columns: number
  readonly paint: Palette
}

/** Where the text beside a label starts. */
export const INDENT = 11

interface Style {
  /** Blanks before the label. */
  readonly indent?: number
  readonly label?: Colour
  readonly text?: Colour
  /** Lines that the text may take; the last one is cut. */
  readonly most?: number
}

/** A label and its text, which goes on below itself where the terminal is too narrow. */
export function labelled(label: string, text: string, { columns, paint }: Look, style: Style = {}): string[] {
  const room = Math.max(20, columns - INDENT)
  const { indent = 2, most = 4 } = style
  const wrapped = wrap(text, room)
  const lines = wrapped.slice(0, most)
  if (wrapped.length > most) lines.push(fit(`${lines.pop()} ${wrapped.slice(most).join(' ')}`, room))
  return lines.map((line, n) => {
    const head = n === 0 ? label.padEnd(INDENT - indent) : ' '.repeat(INDENT - indent)
    return `${' '.repeat(indent)}${paint(style.label ?? 'gray', head)}${style.text ? paint(style.text, line) : line}`
  })
}
