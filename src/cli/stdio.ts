import { once } from 'node:events'
import { InputError } from '../errors.js'
import { decodeUtf8 } from '../io/utf8.js'

/** The most bytes that one line of input may have. */
const MAX_LINE_BYTES = 10_000_000
const NEWLINE = 10

/**
 * The lines of a stream as they come, those of one chunk at a time, without their `\n` or `\r\n` and without a byte order
 * mark before the first. The last one needs no line end. Memory is one chunk and one unfinished line.
 *
 * @throws InputError where a line is over the limit or not UTF-8; the message has its number
 */
export async function* lineBatches(stream: NodeJS.ReadableStream, source = 'stdin'): AsyncGenerator<string[]> {
  let parts: Buffer[] = []
  let held = 0
  let linesBefore = 0
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    const end = chunk.lastIndexOf(NEWLINE) + 1
    if (end > 0) {
      const text = decodeUtf8(Buffer.concat([...parts, chunk.subarray(0, end)]), { source, linesBefore })
      const lines = text.slice(0, -1).split('\n')
      parts = []
      held = 0
      linesBefore += lines.length
      yield lines.map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line))
    }
    parts.push(chunk.subarray(end))
    held += chunk.length - end
    if (held > MAX_LINE_BYTES) {
      throw new InputError(`${source}: line ${linesBefore + 1} is longer than ${MAX_LINE_BYTES} bytes`)
    }
  }
  const rest = decodeUtf8(Buffer.concat(parts), { source, linesBefore })
  if (rest !== '') yield [rest]
}

/** Writes lines to stdout, as fast as they are read. */
export async function printLines(lines: readonly string[]): Promise<void> {
  if (lines.length > 0) await print(`${lines.join('\n')}\n`)
}

/** Writes text to stdout, as fast as it is read. */
export async function print(text: string): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, 'drain')
}

/** Says on stderr, for people, what goes on all the same. */
export function warn(message: string): void {
  process.stderr.write(`misc: ${message}\n`)
}
