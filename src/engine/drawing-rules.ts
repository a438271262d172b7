import { parseGenerationConfig } from '../generation/generation-config.js'
import type { GenerationOptions } from '../generation/options.js'
import { type ConfigIds, type TokenRules, tokenRules } from '../generation/token-rules.js'
import { readJsonIfThere } from '../io/model-folder.js'
import { fileIn } from '../io/path-of.js'

/** What a model's folder says of how replies are drawn. */
export interface DrawingRules {
  /** The options where the caller says nothing. */
  readonly defaults: GenerationOptions
  readonly rules: TokenRules
}

/**
 * Reads the generation_config.json of a model's folder, where there is one.
 *
 * @param own the model's rules, which the file overrules; default: what config.json says
 * @param onWarning told of what it asks for and is not done
 * @throws InputError that names the file
 */
export async function readDrawingRules(
  folder: string,
  config: ConfigIds,
  onWarning: (message: string) => void,
  own: TokenRules = tokenRules(config),
): Promise<DrawingRules> {
  const file = fileIn(folder, 'generation_config.json')
  const { options, rules, warnings } = parseGenerationConfig(await readJsonIfThere(file, {}), file, config)
  for (const warning of warnings) onWarning(warning)
  return { defaults: options, rules: { ...own, ...rules } }
}
