/** Colours where the stream shows them: a terminal, unless NO_COLOR; elsewhere only by FORCE_COLOR. */
import * as util from 'node:util'
import type { Verdict } from '../schema.ts'
import type { Stream } from './reporter.ts'

export type Colour = 'green' | 'red' | 'yellow' | 'cyan' | 'gray' | 'bold'
export type Palette = (colour: Colour, text: string) => string

export const plainPalette: Palette = (_, text) => text

export function paletteOf(stream: Stream): Palette {
  const force = process.env.FORCE_COLOR
  const forced = force !== undefined && force !== '0' && process.env.NO_COLOR === undefined
  const shown = forced || (stream.isTTY === true && stream.hasColors?.() === true)
  // Node 20.11 has no styleText yet.
  if (!shown || util.styleText === undefined) return plainPalette
  // What the stream shows has been asked; newer versions of Node would ask stdout again.
  return (colour, text) => util.styleText(colour, text, { validateStream: false })
}

/** What is shown for a verdict, or for none. */
export interface Mark {
  readonly sign: string
  readonly colour: Colour
}

const MARKS: Readonly<Record<Verdict, Mark>> = {
  pass: { sign: '✔', colour: 'green' },
  fail: { sign: '✖', colour: 'red' },
  hang: { sign: '✖', colour: 'red' },
  crash: { sign: '✖', colour: 'red' },
  lost: { sign: '?', colour: 'yellow' },
  inconclusive: { sign: '~', colour: 'yellow' },
  skipped: { sign: '-', colour: 'gray' },
}

export const markOf = (verdict: Verdict | undefined): Mark =>
  verdict === undefined ? { sign: '…', colour: 'yellow' } : MARKS[verdict]
