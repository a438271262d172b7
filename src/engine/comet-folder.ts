import { InputError } from '../errors.js'
import { folderGeneration } from '../generation/folder-generation.js'
import { parseGenerationConfig } from '../generation/generation-config.js'
import type { GenerationOptions } from '../generation/options.js'
import { type TokenRules, tokenRules } from '../generation/token-rules.js'
import { readJsonIfThere } from '../io/model-folder.js'
import { fileIn } from '../io/path-of.js'
import type { ModelDescription } from '../models/registry.js'
import { readAddedTokens } from '../text/added-tokens.js'
import { CometQueries } from '../text/comet-queries.js'
import { Tokenizer } from '../text/tokenizer.js'
import { describeFolder } from './load-model.js'
import { checkVocabulary } from './model-text.js'

/** What a COMET's folder says; its weights are left on disk. */
export interface CometFolder {
  readonly path: string
  readonly queries: CometQueries
  /** How tails are searched for, where the caller says nothing: the later wins. */
  readonly defaults: readonly GenerationOptions[]
  readonly rules: TokenRules
}

/** How tails are searched for where a folder says nothing: as the programs of both COMETs do, but for COMET-2019's lengths. */
export const usualSearch = {
  ...{ numBeams: 5, numReturnSequences: 5, maxLength: 24, minLength: 0 },
  ...{ lengthPenalty: 1, earlyStopping: false, noRepeatNgramSize: 0, repetitionPenalty: 1 },
} satisfies GenerationOptions

/** The task whose parameters COMET-BART's program takes from config.json. */
const TASK = 'summarization'

/** A tail of COMET-2019 has 34 ids at most, and one more stands before it. */
const longest2019 = 35

/**
 * Reads all of a COMET's folder but its weights.
 *
 * @param onWarning told of what the folder asks for and is not done
 * @throws InputError that names the folder or its file, where one is missing or wrong, or it holds no COMET
 */
export async function readCometFolder(path: string, onWarning?: (message: string) => void): Promise<CometFolder> {
  const description = await describeFolder(path)
  const { folder } = description
  if (description.family !== 'bart' && description.family !== 'gpt') {
    throw new InputError(`${folder}: holds ${description.title}, which is no COMET; give the folder of one`)
  }
  const { config } = description
  const tokenizer = await Tokenizer.load(folder)
  checkVocabulary(tokenizer, config, folder)
  const queries = queriesOf(tokenizer, description, folder)
  if (queries.kind === 'comet-2019') await checkAtomic(tokenizer, description, folder)
  const generation = await readJsonIfThere(fileIn(folder, 'generation_config.json'))
  const { values: said, source } = folderGeneration(description.json, generation, folder, { task: TASK })
  // Tails are searched for, whatever the folder has drawn at random.
  const searched = { num_beams: usualSearch.numBeams, ...said, do_sample: false }
  const { options, rules, warnings } = parseGenerationConfig(searched, source, config)
  if (said.do_sample === true) onWarning?.(`${folder}: tails are searched for with beams, without do_sample true`)
  for (const warning of warnings) onWarning?.(warning)
  return {
    path: folder,
    queries,
    defaults: [
      { ...usualSearch, doSample: false, ...(queries.kind === 'comet-2019' && { maxLength: longest2019 }) },
      options,
    ],
    rules: { ...ofTails(tokenizer, description, queries), ...rules },
  }
}

/** @throws InputError where it is no COMET, or a COMET of another kind than its weights */
function queriesOf(tokenizer: Tokenizer, { family, title, config }: ModelDescription, folder: string): CometQueries {
  let queries: CometQueries
  try {
    queries = new CometQueries(tokenizer, config)
  } catch (error) {
    if (error instanceof InputError) throw new InputError(`${folder}: ${error.message}`)
    throw error
  }
  if ((queries.kind === 'comet-2019') === (family === 'gpt')) return queries
  throw new InputError(
    `${folder}: its tokenizer is that of ${queries.kind}, but its weights are those of ${title}; take all files from one checkpoint`,
  )
}

/**
 * Where no file names COMET-2019's tokens, they are taken for ATOMIC's twelve: then the embedding has a row for each, and no more.
 *
 * @throws InputError where it has, as that of a COMET of ConceptNet, whose relations are others
 */
async function checkAtomic({ vocabSize }: Tokenizer, { config }: ModelDescription, folder: string): Promise<void> {
  if (config.vocabSize === vocabSize) return
  if ((await readAddedTokens(folder)).some(({ token }) => token === '<xReact>')) return
  throw new InputError(
    `${folder}: config.json says ${config.vocabSize} (vocab_size), and COMET-2019 of ATOMIC has ${vocabSize} ids: one of ConceptNet has ` +
      'other relations, and is not known; if this is ATOMIC’s all the same, name its tokens in added_tokens.json',
  )
}

/** Relations are no words of a tail; of COMET-2019's added tokens one ends it, another is a blank. */
function ofTails(tokenizer: Tokenizer, { config }: ModelDescription, { kind }: CometQueries): TokenRules {
  return kind === 'comet-2019'
    ? { ...tokenRules(config, tokenizer.vocabSize), eosIds: [tokenizer.eosId] }
    : tokenRules(config, tokenizer.baseVocabSize)
}
