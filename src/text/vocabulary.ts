import { fileIn } from '../io/path-of.js'
import { readJsonFile } from '../io/text-file.js'
import { quote } from '../quote.js'
import { addedTokens, type NamedToken, readAddedTokens, tokenizerJsonTokens } from './added-tokens.js'
import { type BpeFiles, readMerges, readTokens, textIfThere, wrongFile } from './bpe-files.js'
import { nameJoint } from './joint-programs.js'
import { ADDED_TOKENS, canonicalToken } from './strategies.js'

const MAX_JSON_BYTES = 64 * 2 ** 20

/** The tokens that every vocabulary of MISC must hold: padding, start, EOS, unknown and newline. */
export const SPECIALS = { pad: '__null__', start: '__start__', eos: '__end__', unk: '__unk__', newline: '__newln__' }

/** What a blenderbot_small folder says; a token `piece@@` does not end a word. */
export interface Vocabulary extends BpeFiles {
  /** MISC's tokens, or another model's, and whatever else the files name as added: found whole, inside words too. */
  readonly added: readonly NamedToken[]
}

/**
 * Reads and checks vocab.json and merges.txt of a blenderbot_small folder, and the tokens added to them. MISC's have the ids
 * that added_tokens.json, tokenizer_config.json or tokenizer.json give them, else those from N on, in their usual order;
 * where files name BlenderBot-Joint's, there are no others.
 *
 * @param usual the tokens that are added though no file names them; default: MISC's
 * @throws InputError where a file is wrong, or two contradict each other
 */
export async function readVocabulary(folder: string, usual = ADDED_TOKENS): Promise<Vocabulary> {
  const vocab = fileIn(folder, 'vocab.json')
  const merges = fileIn(folder, 'merges.txt')
  const tokens = await readTokens(vocab)
  checkTokens(tokens, vocab)
  const named = await namedTokens(folder)
  return {
    tokens,
    merges: await readMerges(merges),
    added: addedTokens(tokens, named, nameJoint(named) ? [] : usual, folder),
  }
}

/**
 * The tokens that files of a blenderbot_small folder name as added.
 *
 * @throws InputError where a file is wrong
 */
export async function namedTokens(folder: string): Promise<NamedToken[]> {
  const json = fileIn(folder, 'tokenizer.json')
  const named = await readAddedTokens(folder)
  // One of another model's says nothing of these tokens.
  if (!isBlenderbotSmall(await textIfThere(json))) return named
  return [...named, ...tokenizerJsonTokens(await readJsonFile(json, MAX_JSON_BYTES), folder)]
}

/** Whether a vocabulary's text is blenderbot_small's, and not, say, the one beside a BART's tokenizer.json. */
export const isBlenderbotSmall = (text: string): boolean => text.includes(`"${SPECIALS.newline}"`)

function checkTokens(tokens: readonly string[], path: string): void {
  for (const token of tokens) {
    if (ADDED_TOKENS.includes(canonicalToken(token))) {
      throw wrongFile(path, `holds the token ${token}, which is added after its last id`)
    }
    if (token.includes('</w>')) throw wrongFile(path, `token ${quote(token)} holds </w>, which only merges.txt may`)
  }
  const there = new Set(tokens)
  for (const special of Object.values(SPECIALS))
    if (!there.has(special)) throw wrongFile(path, `lacks the token ${special}`)
}
