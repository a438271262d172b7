import { once } from 'node:events'
import { InputError } from '../errors.js'

/** The most characters that one line of input may have. */
const MAX_LINE_LENGTH = 10_000_000

/**
 * The lines of a stream as they come, those of one chunk at a time, without their `\n` or `\r\n`. The last one needs no
 * line end. Memory is one chunk and one unfinished line; a line over the limit is an {@link InputError}.
 */
export async function* lineBatches(stream: NodeJS.ReadableStream): AsyncGenerator<string[]> {
  let parts: string[] = []
  let held = 0
  stream.setEncoding('utf8')
  for await (const chunk of stream) {
    const lines = String(chunk).split('\n')
    const rest = lines.pop()!
    if (lines.length > 0) {
      lines[0] = parts.join('') + lines[0]
      parts = []
      held = 0
      yield lines.map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line))
    }
    parts.push(rest)
    held += rest.length
    if (held > MAX_LINE_LENGTH) throw new InputError(`a line of input is longer than ${MAX_LINE_LENGTH} characters`)
  }
  if (held > 0) yield [parts.join('')]
}

/** Writes lines to stdout, as fast as they are read. */
export async function printLines(lines: readonly string[]): Promise<void> {
  if (lines.length > 0) await print(`${lines.join('\n')}\n`)
}

/** Writes text to stdout, as fast as it is read. */
export async function print(text: string): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, 'drain')
}
