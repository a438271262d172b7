import { folderGeneration } from '../generation/folder-generation.js'
import { parseGenerationConfig } from '../generation/generation-config.js'
import { JOINT_DEFAULTS } from '../generation/joint-generation.js'
import type { GenerationOptions, OptionName } from '../generation/options.js'
import { type TokenRules, tokenRules } from '../generation/token-rules.js'
import { readJsonIfThere } from '../io/model-folder.js'
import { fileIn } from '../io/path-of.js'
import type { JointProgramName } from '../text/joint-programs.js'
import type { ModelFolder } from './load-model.js'

/** What a model's folder says of how replies are drawn. */
export interface DrawingRules {
  /** The options where the caller says nothing. */
  readonly defaults: GenerationOptions
  readonly rules: TokenRules
}

/** How the program of a family draws where its folder says nothing. */
export interface DrawingProgram {
  /** Default: what config.json says of single ids. */
  readonly rules?: TokenRules
  readonly defaults?: GenerationOptions
  /** As {@link GenerationProgram.passed}. */
  readonly passed?: readonly OptionName[]
}

/**
 * What the programs of MISC and of BlenderBot-Joint pass to their search themselves. Their config.json is BlenderBot-small's, whose
 * ten beams and twenty ids at least never were theirs; its `no_repeat_ngram_size` was.
 */
export const PASSED_BY_PROGRAMS = [
  ...(['doSample', 'temperature', 'topK', 'topP', 'numBeams', 'numReturnSequences'] as const),
  ...(['repetitionPenalty', 'minLength', 'maxLength', 'maxNewTokens'] as const),
] satisfies OptionName[]

/** How a program of BlenderBot-Joint draws: `codes` leaves the size of n-grams to config.json, `codes_zcj` nothing. */
export const jointDrawing = (program: JointProgramName): DrawingProgram => ({
  defaults: JOINT_DEFAULTS[program],
  passed: program === 'codes' ? PASSED_BY_PROGRAMS : [...PASSED_BY_PROGRAMS, 'noRepeatNgramSize'],
})

/**
 * Reads what a model's folder says of drawing: the generation keys of config.json, and generation_config.json, which wins.
 *
 * @param onWarning told of what they ask for and is not done
 * @throws InputError that names the file
 */
export async function readDrawingRules(
  { folder, json, config }: Pick<ModelFolder, 'folder' | 'json' | 'config'>,
  onWarning: (message: string) => void,
  { rules: own = tokenRules(config), defaults, passed = [] }: DrawingProgram = {},
): Promise<DrawingRules> {
  const file = await readJsonIfThere(fileIn(folder, 'generation_config.json'))
  const { values, source } = folderGeneration(json, file, folder, { passed })
  const { options, rules, warnings } = parseGenerationConfig(values, source, config)
  for (const warning of warnings) onWarning(warning)
  return { defaults: { ...defaults, ...options }, rules: { ...own, ...rules } }
}
