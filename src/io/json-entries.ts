import { InputError } from '../errors.js'
import { parseStrictJson } from './strict-json.js'
import { readTextFile } from './text-file.js'

/** A value of a file, and where it stands there, for messages. */
export interface JsonEntry {
  readonly value: unknown
  /** As `replies.json, line 12`. */
  readonly at: string
}

/**
 * The entries of a file that is a JSON list, or has a JSON value on each line that is not empty (JSON Lines).
 *
 * @throws InputError naming the file and line; limits and errors of the file as those of {@link readTextFile}
 */
export async function readJsonEntries(path: string, advice?: string): Promise<JsonEntry[]> {
  const text = await readTextFile(path, undefined, advice)
  if (!text.trimStart().startsWith('[')) {
    return text.split('\n').flatMap((line, index) => {
      const at = `${path}, line ${index + 1}`
      return line.trim() === '' ? [] : [{ value: parsed(line, (what) => `${at}: ${what}`, advice), at }]
    })
  }
  const values = parsed(text, (what, before) => `${path}, line ${linesOf(before)}: ${what}`, advice) as unknown[]
  const lines = linesOfElements(text)
  return values.map((value, index) => ({ value, at: `${path}, line ${lines[index]}` }))
}

function parsed(text: string, fault: (what: string, before: string) => string, advice = 'correct it'): unknown {
  try {
    return JSON.parse(text)
  } catch {
    const { message, at } = whyNotJson(text)
    throw new InputError(`${fault(`not JSON (${message})`, text.slice(0, at))}; ${advice}`)
  }
}

/** What is wrong, and after how many characters: JSON.parse's own messages do not always say. */
function whyNotJson(text: string): { message: string; at: number } {
  try {
    parseStrictJson(text)
  } catch (error) {
    const [, message, at] = /^(.*) at character (\d+)$/s.exec((error as Error).message) ?? []
    if (message !== undefined) return { message, at: Number(at) }
  }
  return { message: 'malformed', at: 0 }
}

const linesOf = (text: string): number => text.split('\n').length

/** The lines on which the elements of a JSON list begin. */
function linesOfElements(text: string): number[] {
  const lines: number[] = []
  let line = 1
  let depth = 0
  let isAwaited = false
  let inString = false
  // Strings piece by piece: a long one in a single match takes more stack than there is.
  for (const [token] of text.matchAll(/\n|"|\\.|[[\]{},]|[^\s"\\[\]{},]+/g)) {
    const wasInString = inString
    if (token === '"') inString = !inString
    if (wasInString) continue
    if (token === '\n') {
      line++
      continue
    }
    if (isAwaited && token !== ']') lines.push(line)
    isAwaited = (depth === 0 && token === '[') || (depth === 1 && token === ',')
    if (token === '[' || token === '{') depth++
    else if (token === ']' || token === '}') depth--
  }
  return lines
}
