import { Presets, SingleBar } from 'cli-progress'

/** Work shorter than this shows nothing. */
const QUIET_MS = 1000
/** Where no bar can be drawn, a line at most this often. */
const LINE_MS = 5000

/** A progress display. Also a `using` resource, so that it is cleaned up when the work throws. */
export interface Progress extends Disposable {
  /** Says that `amount` more is done. */
  advance(amount: number): void
  /** Takes the display away. Harmless when repeated. */
  stop(): void
}

/** Where progress goes and what time it is: standard error and the clock, unless a test says otherwise. */
export interface ProgressOptions {
  /** Whether to say how long the rest will take, where the work goes on as it has so far; default: false. */
  remaining?: boolean
  stream?: NodeJS.WritableStream & { isTTY?: boolean }
  now?: () => number
}

/**
 * Progress of one piece of work on standard error: a bar on a terminal, a plain line now and then elsewhere, nothing
 * at all for work of less than a second.
 *
 * @param label what is being done, as "writing model.safetensors"
 * @param total how much there is to do
 * @param unit `bytes` prints as megabytes; any other word is printed after the count
 */
export function progressBar(label: string, total: number, unit: string, options: ProgressOptions = {}): Progress {
  const { remaining = false, stream = process.stderr, now = () => performance.now() } = options
  const started = now()
  let nextLine = started + QUIET_MS
  let done = 0
  let bar: SingleBar | undefined

  const rest = () => (remaining && done > 0 ? `, ${duration(((now() - started) / done) * (total - done))} left` : '')
  const text = () =>
    `${label}: ${amount(done, unit)} of ${amount(total, unit)} ${unit === 'bytes' ? 'MB' : unit}${rest()}`
  const startBar = () => {
    const format = (_: unknown, { progress }: { progress: number }) => {
      const width = Math.round(Math.min(progress, 1) * 30)
      return `${'='.repeat(width)}${'-'.repeat(30 - width)} ${text()}`
    }
    const created = new SingleBar({ format, stream, clearOnComplete: true, hideCursor: false }, Presets.legacy)
    created.start(total, done)
    return created
  }

  const advance = (more: number) => {
    done += more
    if (bar) bar.update(done)
    else if (now() < nextLine) return
    else if (stream.isTTY) bar = startBar()
    else {
      stream.write(`${text()}\n`)
      nextLine = now() + LINE_MS
    }
  }
  // Work that says nothing of itself for long is shown all the same.
  const begin = setTimeout(() => advance(0), QUIET_MS + 1).unref()
  const stop = () => {
    clearTimeout(begin)
    bar?.stop()
    bar = undefined
    nextLine = Number.POSITIVE_INFINITY
  }
  return { advance, stop, [Symbol.dispose]: stop }
}

function amount(value: number, unit: string): string {
  return unit === 'bytes' ? (value / 1e6).toFixed(value < 1e7 ? 1 : 0) : String(value)
}

/** `40 s`, `12 min`, `3 h 5 min`. */
function duration(milliseconds: number): string {
  const seconds = Math.ceil(milliseconds / 1000)
  if (seconds < 100) return `${seconds} s`
  const minutes = Math.ceil(seconds / 60)
  return minutes < 100 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}
