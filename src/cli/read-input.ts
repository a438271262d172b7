import { buffer } from 'node:stream/consumers'
import { InputError } from '../errors.js'
import { readJsonFile } from '../io/text-file.js'
import { decodeUtf8 } from '../io/utf8.js'
import { type DialogueInput, type IdsInput, parseInput } from '../text/dialogue.js'

/** The dialogue of `--input`: a file, or stdin where it is `-`. @throws InputError */
export async function readInput(file: string): Promise<DialogueInput | IdsInput> {
  return parseInput(file === '-' ? await readStdin() : await readJsonFile(file))
}

async function readStdin(): Promise<unknown> {
  try {
    return JSON.parse(decodeUtf8(await buffer(process.stdin), { source: 'stdin' }))
  } catch (error) {
    if (error instanceof InputError) throw error
    throw new InputError(`stdin: not JSON (${(error as Error).message.replaceAll(/\s+/g, ' ')})`)
  }
}
