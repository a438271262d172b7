import { TIED_COPIES } from '../nn/layout.js'
import { countLayers, type DeducedConfig, type NamedTensors } from './deduced-config.js'

/**
 * Reads off the shapes of an encoder-decoder's tensors what its config.json would say.
 *
 * @param modelType how its table of positions is read; undefined where that is not known
 * @returns undefined where the tensors are of another family
 */
export function deduceBackbone(tensors: NamedTensors, modelType: unknown): DeducedConfig | undefined {
  const shape = (name: string) => tensors.get(name)?.shape
  const embedding = ['model.shared.weight', ...TIED_COPIES].map(shape).find((it) => it !== undefined)
  const rows = shape('model.encoder.embed_positions.weight')?.[0]
  if (embedding?.length !== 2 || rows === undefined) return undefined

  const side = (name: 'encoder' | 'decoder') => ({
    [`${name}_layers`]: countLayers(tensors, `model.${name}.layers.`),
    [`${name}_ffn_dim`]: shape(`model.${name}.layers.0.fc1.weight`)?.[0],
  })
  return {
    known: {
      vocab_size: embedding[0],
      d_model: embedding[1],
      ...side('encoder'),
      ...side('decoder'),
      // BART keeps two rows before its first position.
      ...(modelType !== undefined && { max_position_embeddings: modelType === 'bart' ? rows - 2 : rows }),
    },
    unknown: ['encoder_attention_heads', 'decoder_attention_heads', 'scale_embedding'],
  }
}
