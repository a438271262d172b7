import type { Checkpoint } from '../io/checkpoint.js'
import { type CheckedTensors, checkTensors } from '../nn/check-tensors.js'
import { type MiscConfig, parseConfig, type Variant } from './misc/config.js'
import { type DeducedConfig, deduceConfig as deduceMisc } from './misc/deduce-config.js'
import { detectVariant, type MiscLayout, type MiscVariant, miscLayout } from './misc/layout.js'
import { plainLayout } from './plain.js'

/** What a config describes, by family. */
export type ModelDescription =
  | { readonly family: 'misc'; readonly variant: MiscVariant; readonly layout: MiscLayout }
  | { readonly family: 'plain'; readonly variant: 'plain'; readonly layout: ReturnType<typeof plainLayout> }

/** A checkpoint's description, and its tensors, which agree with it. */
export type RecognizedModel = ModelDescription & { readonly config: MiscConfig; readonly tensors: CheckedTensors }

/** The family of a variant, and its layout with this config. */
export function describeModel(config: MiscConfig, variant: Variant): ModelDescription {
  return variant === 'plain'
    ? { family: 'plain', variant, layout: plainLayout(config) }
    : { family: 'misc', variant, layout: miscLayout(config, variant) }
}

/**
 * Finds out what model a checkpoint holds, from its config.json and the names of its tensors, and checks them. A trained MISC
 * checkpoint may call itself by its backbone's name.
 *
 * @param source the checkpoint's folder or file, for messages
 * @throws InputError where config.json or the tensors are of no family, or do not fit each other.
 */
export function recognizeModel(
  { config: json, configFile, tensors }: Pick<Checkpoint, 'config' | 'configFile' | 'tensors'>,
  source: string,
): RecognizedModel {
  const config = parseConfig(json, configFile)
  const found = detectVariant(tensors)
  const variant = found === 'plain' && config.modelType === 'misc' ? (config.variant ?? 'paper') : found
  const description = describeModel(config, variant)
  const model = variant === 'plain' ? 'a plain backbone' : `MISC's ${variant} variant`
  return { ...description, config, tensors: checkTensors(tensors, description.layout.tensors, source, model) }
}

/**
 * What a checkpoint's tensors say of its config, for one that comes without config.json.
 *
 * @param given what is known of it already, in the words of config.json
 * @returns undefined where they are of no family
 */
export function deduceConfig(
  tensors: Checkpoint['tensors'],
  given: Readonly<Record<string, unknown>>,
): DeducedConfig | undefined {
  return deduceMisc(tensors, given)
}
