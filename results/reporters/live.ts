/**
 * A few lines at the bottom of a terminal, redrawn in place: the bar, then one line per running instance. What is
 * printed goes above them and scrolls.
 */
import { clock, fit, human, percent, plural, width } from '../format.ts'
import { isOnTrial, standings } from '../trials.ts'
import { fallbackShare } from '../work.ts'
import { hostsView } from './live-hosts.ts'
import { type Palette, paletteOf } from './palette.ts'
import { currentRate, type Progress, type Running } from './progress.ts'
import type { Stream } from './reporter.ts'

const REDRAW_MS = 200
const HIDE = '\x1b[?25l'
const SHOW = '\x1b[?25h'
const TO_LINE_START_AND_CLEAR = '\r\x1b[J'

export class LiveView {
  readonly #stream: Stream
  readonly #paint: Palette
  readonly #progress: Progress
  readonly #timer: NodeJS.Timeout
  #drawn: readonly string[] = []
  #stopped = false

  constructor(stream: Stream, progress: Progress) {
    this.#stream = stream
    this.#paint = paletteOf(stream)
    this.#progress = progress
    stream.write(HIDE)
    // However the runner ends, the terminal gets its cursor back.
    process.on('exit', this.#restore)
    this.#timer = setInterval(() => this.draw(), REDRAW_MS).unref()
    this.draw()
  }

  readonly #restore = (): void => {
    this.#stream.write(SHOW)
  }

  get columns(): number {
    return this.#stream.columns ?? 80
  }

  draw(): void {
    if (!this.#stopped) this.#replace(liveLines(this.#progress, this.columns, this.#stream.rows ?? 24, this.#paint))
  }

  /** Prints lines above the view. */
  print(lines: readonly string[]): void {
    this.#replace([])
    this.#stream.write(lines.map(line => `${line}\n`).join(''))
    this.draw()
  }

  /** Removes the view and gives the cursor back. */
  stop(): void {
    if (this.#stopped) return
    this.#stopped = true
    clearInterval(this.#timer)
    this.#replace([])
    this.#restore()
    process.off('exit', this.#restore)
  }

  /** One write a redraw, so that nothing flickers. The cursor rests at the end of the last line. */
  #replace(lines: readonly string[]): void {
    // A line drawn on a wider terminal takes several rows of a narrower one.
    const rows = this.#drawn.reduce((n, line) => n + Math.max(1, Math.ceil(width(line) / this.columns)), 0)
    const up = rows > 1 ? `\x1b[${rows - 1}A` : ''
    this.#stream.write(`${up}${TO_LINE_START_AND_CLEAR}${lines.join('\n')}`)
    this.#drawn = lines
  }
}

/** What the view shows; the last column stays free, since some terminals wrap when it is filled. */
export function liveLines(progress: Progress, columns: number, rows: number, paint: Palette): string[] {
  const running = [...progress.running.values()]
  const hosts = hostsView(progress, Math.max(1, (rows - 4) >> 1), paint)
  const room = Math.max(1, Math.min(8, rows - 4 - hosts.length))
  const names = Math.min(24, Math.max(0, ...running.map(({ instance }) => instance.name.length)))
  const lines = [headLine(progress, paint), barLine(progress, columns - 1, paint), ...hosts]
  lines.push(...running.slice(0, room).map(entry => runningLine(entry, progress.elapsedOf(entry), names, paint)))
  if (running.length > room) lines.push(paint('gray', `  and ${running.length - room} more at work`))
  return lines.map(line => fit(line, columns - 1))
}

function headLine({ plan, results, elapsedMs, remainingMs }: Progress, paint: Palette): string {
  const all = plan.instances.length
  const passed = [...standings(plan, results).values()].filter(verdict => verdict === 'pass').length
  const others = results.size - passed
  const parts = [
    `${results.size}/${all} ended`,
    ...(passed > 0 ? [paint('green', `${passed} passed`)] : []),
    ...(others > 0 ? [paint('red', `${others} not`)] : []),
    `${clock(elapsedMs)} gone`,
    // How soon bugs are caught is what a trial is about.
    ...(isOnTrial(plan) ? [] : [`${clock(remainingMs)} left`]),
  ]
  return `${paint('bold', 'torture')}  ${parts.join(' · ')}`
}

function barLine(progress: Progress, columns: number, paint: Palette): string {
  const share = percent(Math.floor(progress.share * 1000) / 1000).padStart(6)
  const cells = Math.max(4, Math.min(columns, 100) - share.length - 1)
  const full = Math.round(progress.share * cells)
  return `${paint('cyan', '━'.repeat(full))}${paint('gray', '─'.repeat(cells - full))} ${share}`
}

function runningLine(running: Running, elapsedMs: number, names: number, paint: Palette): string {
  const { instance, stats, failures } = running
  const time = `${clock(Math.min(elapsedMs, instance.durationMs))}/${clock(instance.durationMs)}`
  const where = running.host === undefined ? '' : `${paint('gray', running.host)}  `
  const head = `  ${instance.name.padEnd(names)}  ${where}${paint('gray', time)}  `
  const rate = currentRate(running)
  if (stats === undefined || rate === undefined) return `${head}${paint('gray', 'starting')}`
  const share = fallbackShare(stats.counters)
  const parts = [
    `${human(rate.perSecond).padStart(6)} ${rate.name}/s`,
    ...(share === undefined ? [] : [`${percent(share)} fell back`]),
    ...(instance.mode === 'explore' ? [`${human(stats.rounds)} in all`] : [`${human(stats.nearMisses)} near`]),
    failures > 0 ? paint('red', plural(failures, 'failure')) : '0 failures',
    ...(stats.phase === 'running' ? [] : [paint('gray', stats.phase)]),
  ]
  return head + parts.join('  ')
}
