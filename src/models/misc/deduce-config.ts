import type { TensorInfo } from '../../io/safetensors-header.js'
import { TIED_COPIES } from '../../nn/layout.js'
import { detectVariant } from './layout.js'

/** What a checkpoint's tensors say of its config, in the words of config.json, and which words they cannot say. */
export interface DeducedConfig {
  readonly known: Readonly<Record<string, unknown>>
  readonly unknown: readonly string[]
}

/**
 * Reads off the shapes of an encoder-decoder's tensors what its config.json would say.
 *
 * @param given what is known of it already; `model_type` says how its table of positions is read
 * @returns undefined where the tensors are of another family
 */
export function deduceConfig(
  tensors: ReadonlyMap<string, TensorInfo>,
  given: Readonly<Record<string, unknown>>,
): DeducedConfig | undefined {
  const shape = (name: string) => tensors.get(name)?.shape
  const embedding = ['model.shared.weight', ...TIED_COPIES].map(shape).find((it) => it !== undefined)
  const rows = shape('model.encoder.embed_positions.weight')?.[0]
  if (embedding?.length !== 2 || rows === undefined) return undefined

  const variant = detectVariant(tensors)
  const type = variant === 'plain' ? given.model_type : 'misc'
  const side = (name: 'encoder' | 'decoder') => {
    const layers = [...tensors.keys()].map((it) => new RegExp(`^model\\.${name}\\.layers\\.(\\d+)\\.`).exec(it)?.[1])
    const count = new Set(layers.filter((it) => it !== undefined)).size
    return { [`${name}_layers`]: count, [`${name}_ffn_dim`]: shape(`model.${name}.layers.0.fc1.weight`)?.[0] }
  }
  const strategies = shape('model.encoder.strategy_embedding.weight')?.[0]
  return {
    known: {
      vocab_size: embedding[0],
      d_model: embedding[1],
      ...side('encoder'),
      ...side('decoder'),
      // BART keeps two rows before its first position.
      ...(type !== undefined && { max_position_embeddings: type === 'bart' ? rows - 2 : rows }),
      ...(variant !== 'plain' && { model_type: 'misc', misc_variant: variant }),
      // The released codebook has a row more than there are strategies.
      ...(strategies !== undefined && { num_strategies: variant === 'released' ? strategies - 1 : strategies }),
    },
    unknown: [
      ...(variant === 'plain' ? ['model_type'] : []),
      'encoder_attention_heads',
      'decoder_attention_heads',
      'scale_embedding',
    ],
  }
}
