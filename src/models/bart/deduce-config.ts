import { deduceBackbone } from '../deduce-backbone.js'
import type { DeducedConfig, NamedTensors } from '../deduced-config.js'

/**
 * What the tensors of BART, or of a plain BlenderBot-small, say of its config: not which of the two it is.
 *
 * @param given what is known of it already; `model_type` says how its table of positions is read
 * @returns undefined where the tensors are of another family
 */
export function deduceBartConfig(
  tensors: NamedTensors,
  { model_type: modelType }: Readonly<Record<string, unknown>>,
): DeducedConfig | undefined {
  const backbone = deduceBackbone(tensors, modelType)
  return backbone && { known: backbone.known, unknown: ['model_type', ...backbone.unknown] }
}
