import { countLayers, type DeducedConfig, type NamedTensors } from '../deduced-config.js'
import { MIME_EMOTIONS } from './config.js'

/**
 * What the tensors of a Transformer, MoEL or MIME say of its config. The generator's matrix counts as its own: where it is the
 * embedding, `weight_sharing` saves the memory of one.
 *
 * @returns undefined where the tensors are of another family
 */
export function deduceListenersConfig(tensors: NamedTensors): DeducedConfig | undefined {
  const shape = (name: string) => tensors.get(name)?.shape
  const embedding = shape('embedding.lut.weight')
  if (embedding?.length !== 2 || !tensors.has('encoder.embedding_proj.weight')) return undefined
  const names = [...tensors.keys()]
  const modelType = names.some((it) => it.startsWith('vae_sampler.'))
    ? 'mime'
    : names.some((it) => it.startsWith('decoder.experts.'))
      ? 'moel'
      : 'transformer'
  return {
    known: {
      model_type: modelType,
      vocab_size: embedding[0],
      emb_dim: embedding[1],
      hidden_dim: embedding[1],
      depth: shape('encoder.enc.0.multi_head_attention.query_linear.weight')?.[0],
      filter: shape('encoder.enc.0.positionwise_feed_forward.layers.0.conv.weight')?.[0],
      hop: countLayers(tensors, 'encoder.enc.'),
      num_emotions: modelType === 'mime' ? MIME_EMOTIONS : shape('decoder_key.weight')?.[0],
    },
    // Of all listeners, MoEL hears the `topk` loudest.
    unknown: ['heads', ...(modelType === 'moel' ? ['topk'] : [])],
  }
}
