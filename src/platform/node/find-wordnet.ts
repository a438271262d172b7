import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { InputError } from '../../errors.js'
import { readTextFile } from '../../io/text-file.js'
import { PARTS_OF_SPEECH, type PartOfSpeech, WordNet, type WordNetFiles } from '../../metrics/wordnet.js'
import { here } from './here.js'

/** The npm package that ships the files of WordNet 3.0, but for its exception lists: an optional peer, for METEOR alone. */
export const wordNetPackage = 'wordnet'

/**
 * Reads WordNet from the npm package, and its exception lists from this one.
 *
 * @returns undefined where the package is not installed
 * @throws InputError where its files are missing or not WordNet's
 */
export async function findWordNet(): Promise<WordNet | undefined> {
  let root: string
  try {
    root = dirname(createRequire(here).resolve(`${wordNetPackage}/package.json`))
  } catch {
    return undefined
  }
  const advice = `install it anew: npm install ${wordNetPackage}@2`
  const read = async (part: PartOfSpeech): Promise<[PartOfSpeech, WordNetFiles]> => {
    const [index, data] = ['index', 'data'].map((kind) =>
      readTextFile(join(root, 'db', `${kind}.${part}`), undefined, advice),
    )
    const exceptions = readTextFile(fileURLToPath(new URL(`../../../data/wordnet/${part}.exc`, here)))
    return [part, { index: await index!, data: await data!, exceptions: await exceptions }]
  }
  const files = Object.fromEntries(await Promise.all(PARTS_OF_SPEECH.map(read)))
  try {
    return new WordNet(files as Record<PartOfSpeech, WordNetFiles>)
  } catch (error) {
    throw new InputError(`${root}: ${(error as Error).message}; ${advice}`)
  }
}
