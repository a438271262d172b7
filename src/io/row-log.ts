import { appendFileSync, closeSync, openSync } from 'node:fs'
import { readFile, truncate } from 'node:fs/promises'
import { InputError } from '../errors.js'
import { quote } from '../quote.js'
import { FileLock } from './file-lock.js'
import { isMissing, readFault } from './text-file.js'
import { decodeUtf8 } from './utf8.js'
import { writeWholeFile } from './whole-file.js'

/** What a {@link RowLog} holds in each line after the first. */
export interface LogRow {
  /** Its number: a log has it once. */
  readonly row: number
}

const NEWLINE = 10

/**
 * A JSON Lines file that grows row by row, for work that may be killed at any moment and goes on from there. The first line, its
 * head, says what the rows are of; rows follow in the order in which they end, and stand in that of their numbers once all are
 * there. Each is in the system's hands before the next begins: what a kill leaves is whole lines, and at most a torn last one.
 * One process has it at a time.
 */
export class RowLog<Row extends LogRow> implements Disposable {
  readonly #rows = new Map<number, Row>()
  #file: number | undefined
  #lock: FileLock | undefined

  private constructor(
    /** Undefined where rows are kept in memory alone. */
    readonly path: string | undefined,
    readonly head: object,
  ) {}

  /**
   * Opens the log of a file, made anew where there is none, or where it was killed before its head was written.
   *
   * @param path undefined: rows are kept in memory alone
   * @param head as the file's own has to be, JSON
   * @param onWarning told of a torn last line, which is dropped
   * @throws InputError where the file is of another head, or a line of it is no row, or one twice, or another process has it
   */
  static async open<Row extends LogRow>(
    path: string | undefined,
    head: object,
    onWarning: (message: string) => void,
  ): Promise<RowLog<Row>> {
    const log = new RowLog<Row>(path, head)
    if (path === undefined) return log
    log.#lock = await FileLock.take(path)
    try {
      await log.#open(path, onWarning)
    } catch (error) {
      log[Symbol.dispose]()
      throw error
    }
    return log
  }

  async #open(path: string, onWarning: (message: string) => void): Promise<void> {
    const bytes = await readFile(path).catch((error) => {
      if (isMissing(error)) return Buffer.alloc(0)
      throw new InputError(`${path}: ${readFault(error)}`)
    })
    const end = bytes.lastIndexOf(NEWLINE) + 1
    if (end === 0) await writeWholeFile(path, (file) => file.writeFile(lineOf(this.head)))
    else {
      this.#read(decodeUtf8(bytes.subarray(0, end), { source: path }), path)
      if (end < bytes.length) {
        onWarning(`${path}: its last line is torn, as a kill leaves it, and is dropped: that row is done again`)
        await truncate(path, end)
      }
    }
    this.#file = written(path, () => openSync(path, 'a'))
  }

  /** The rows that there are, by their numbers. */
  get rows(): ReadonlyMap<number, Row> {
    return this.#rows
  }

  /** Keeps a row: once this returns, a kill of the process does not lose it. */
  add(row: Row): void {
    if (this.#rows.has(row.row)) throw new InputError(`${this.path ?? 'the log'}: row ${row.row} is there already`)
    const { path } = this
    if (path !== undefined && this.#file !== undefined) written(path, () => appendFileSync(this.#file!, lineOf(row)))
    this.#rows.set(row.row, row)
  }

  /** All rows are there: puts them in the order of their numbers, unless they are. */
  async finish(): Promise<Row[]> {
    const sorted = [...this.#rows.values()].sort((a, b) => a.row - b.row)
    const inOrder = [...this.#rows.values()].every((it, i) => it === sorted[i])
    const { path } = this
    if (path !== undefined && !inOrder) {
      this.#close()
      await writeWholeFile(path, (file) => file.writeFile([this.head, ...sorted].map(lineOf).join('')))
    }
    this[Symbol.dispose]()
    return sorted
  }

  [Symbol.dispose](): void {
    this.#close()
    this.#lock?.[Symbol.dispose]()
    this.#lock = undefined
  }

  #close(): void {
    if (this.#file !== undefined) closeSync(this.#file)
    this.#file = undefined
  }

  #read(text: string, path: string): void {
    const [first, ...lines] = text.slice(0, -1).split('\n')
    sameHead(json(first!, `${path}, line 1`), this.head, path)
    for (const [i, line] of lines.entries()) {
      const at = `${path}, line ${i + 2}`
      const value = json(line, at) as Row
      if (!Number.isSafeInteger(value?.row)) throw new InputError(`${at}: is no row: it has no number; ${ADVICE}`)
      if (this.#rows.has(value.row)) throw new InputError(`${at}: row ${value.row} is there twice; ${ADVICE}`)
      this.#rows.set(value.row, value)
    }
  }
}

const ADVICE = 'take the file away to start anew'

const lineOf = (value: object): string => `${JSON.stringify(value)}\n`

function written<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw new InputError(`${path}: cannot be written (${(error as Error).message}); free some room or choose another`)
  }
}

function json(line: string, at: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    throw new InputError(`${at}: not JSON; ${ADVICE}`)
  }
}

/** @throws InputError that names the first entry in which a file's head is another */
function sameHead(found: unknown, head: object, path: string): void {
  const theirs = (found ?? {}) as Readonly<Record<string, unknown>>
  const ours: Readonly<Record<string, unknown>> = JSON.parse(JSON.stringify(head))
  const key = [...new Set([...Object.keys(ours), ...Object.keys(theirs)])].find(
    (it) => JSON.stringify(theirs[it]) !== JSON.stringify(ours[it]),
  )
  if (key === undefined) return
  const said = (value: unknown) => (value === undefined ? 'nothing' : quote(value))
  throw new InputError(
    `${path}: is of other arguments: there ${key} is ${said(theirs[key])}, here ${said(ours[key])}; ` +
      'give the same ones to go on, or another folder',
  )
}
