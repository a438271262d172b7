import type { DialogueIds } from '../models/misc/misc.js'
import type { DecoderOf } from './load-decoder.js'
import { replay } from './replay.js'
import type { StrategyMixture } from './reply.js'
import { isQuery, sourceAttention } from './source-attention.js'
import { strategyMixture } from './strategy-mixture.js'

/** What the encoders and the decoder's first step say of a dialogue. */
export interface EncodingReport {
  readonly strategy: StrategyMixture
  /**
   * How much the decoder attends to each block before the reply's first id: the cross-attention weights
   * softmax(q · k / √e) of the start id, averaged over layers and heads. Those of one source add up to 1.
   */
  readonly attention: { readonly post: number[]; readonly situation: number[] }
}

/** Encodes one dialogue and reads the decoder's attention at its start; needs the encoder's memory to itself. */
export async function inspectEncoding(decoder: DecoderOf<'misc'>, dialogue: DialogueIds): Promise<EncodingReport> {
  const { gpu, model } = decoder
  return replay(decoder, dialogue, [], isQuery, async (replayed) => {
    const [row] = await sourceAttention(gpu, replayed, model.sourceRows(dialogue))
    const [, post, situation] = row!
    return { strategy: strategyMixture(replayed.told), attention: { post: post!, situation: situation! } }
  })
}
