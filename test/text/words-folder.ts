import { filesFolder } from '../files-folder.js'

/** Words with their ids, after the specials. */
export const vocabulary = (words: readonly string[]): Record<string, number> =>
  Object.fromEntries(['UNK', 'PAD', 'EOS', 'SOS', 'USR', 'SYS', 'CLS', ...words].map((word, id) => [word, id]))

/** A folder whose vocab.json holds such words. */
export const wordsFolder = (words: readonly string[]): string => filesFolder({ 'vocab.json': vocabulary(words) })
