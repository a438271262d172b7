/** The small golden baselines with a vocabulary, for tests of what users call: from text to text. */
import { copyFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { goldenFolder, type LISTENERS_GOLDENS } from './golden.js'
import { tempFolder } from './temp.js'
import { vocabulary } from './text/words-folder.js'

/** Words that tests say; ids from 7 on. */
export const KNOWN_WORDS = ['i', 'am', 'sad', '.', 'why', '?', 'do', 'not', 'know', 'die', 'to', 'want']

/** As many words as the goldens have rows. */
const words = [...KNOWN_WORDS, ...Array.from({ length: 203 - 7 - KNOWN_WORDS.length }, (_, i) => `word${i}`)]

/** The text of ids. */
export const wordsOf = (ids: readonly number[]): string =>
  ids
    .filter((id) => id >= 7)
    .map((id) => words[id - 7])
    .join(' ')

/** A new folder with such a model. */
export function listenersModel(name: (typeof LISTENERS_GOLDENS)[number]): string {
  const folder = tempFolder()
  for (const file of ['config.json', 'model.safetensors'])
    copyFileSync(join(goldenFolder(name), file), join(folder, file))
  writeFileSync(join(folder, 'vocab.json'), JSON.stringify(vocabulary(words)))
  return folder
}
