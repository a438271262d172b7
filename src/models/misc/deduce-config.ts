import { deduceBackbone } from '../deduce-backbone.js'
import type { DeducedConfig, NamedTensors } from '../deduced-config.js'
import { detectVariant } from './layout.js'

/**
 * What the tensors of a MISC checkpoint say of its config.
 *
 * @param given what is known of it already; `model_type` says how its backbone's table of positions is read
 * @returns undefined where the tensors are of another family
 */
export function deduceMiscConfig(
  tensors: NamedTensors,
  { model_type: modelType = 'misc' }: Readonly<Record<string, unknown>>,
): DeducedConfig | undefined {
  const variant = detectVariant(tensors)
  const backbone = deduceBackbone(tensors, modelType)
  if (variant === 'plain' || !backbone) return undefined
  const strategies = tensors.get('model.encoder.strategy_embedding.weight')?.shape[0]
  return {
    known: {
      ...backbone.known,
      ...{ model_type: modelType, misc_variant: variant },
      // The released codebook has a row more than there are strategies.
      ...(strategies !== undefined && { num_strategies: variant === 'released' ? strategies - 1 : strategies }),
    },
    unknown: backbone.unknown,
  }
}
