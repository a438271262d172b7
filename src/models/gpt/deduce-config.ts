import { countLayers, type DeducedConfig, type NamedTensors } from '../deduced-config.js'
import { detectNames } from './layout.js'

/**
 * What the tensors of an OpenAI GPT say of its config.
 *
 * @param given what is known of it already: COMET-2019's table holds ids and positions, which only its buffers, or
 *   `n_positions`, tell apart
 * @returns undefined where the tensors are of another family
 */
export function deduceGptConfig(
  tensors: NamedTensors,
  given: Readonly<Record<string, unknown>>,
): DeducedConfig | undefined {
  const { prefix, naming } = detectNames(tensors)
  const shape = (name: string) => tensors.get(`${prefix}${name}`)?.shape
  const together = naming === 'comet-2019'
  const table = shape(together ? 'embed.weight' : 'tokens_embed.weight')
  if (table?.length !== 2) return undefined
  // COMET-2019's `attn.b` is no bias, but the mask of what lies ahead: [1, 1, positions, positions].
  const positions = together ? (shape('h.0.attn.b')?.[3] ?? given.n_positions) : shape('positions_embed.weight')?.[0]
  const sizes = typeof positions === 'number' && {
    ...{ n_positions: positions, vocab_size: table[0]! - (together ? positions : 0) },
  }
  return {
    known: { model_type: 'openai-gpt', n_embd: table[1], n_layer: countLayers(tensors, `${prefix}h.`), ...sizes },
    unknown: ['n_head', ...(sizes ? [] : ['n_positions'])],
  }
}
