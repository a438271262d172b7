import type { Tensor } from '../../gpu/tensor.js'
import { encode } from '../../nn/encoder.js'
import { cacheSources } from '../../nn/kv-cache.js'
import type { Pass } from '../../nn/pass.js'
import { RaggedBatch } from '../../nn/ragged-batch.js'
import type { BlockCache } from './block-cache.js'
import { cacheStrategy, type MiscCache } from './decoder.js'
import { type BlockSource, fusePaper, fuseReleased, gatherBlocks } from './fusion.js'
import type { MiscWeights } from './layout.js'
import { mixStrategies, type Strategy } from './strategy.js'

/** A dialogue as ids: what the model reads. */
export interface DialogueIds {
  /** [CLS] u₁ EOS u₂ EOS …, at least one id. */
  readonly context: readonly number[]
  /** COMET blocks of the seeker's last post, each at least one id. */
  readonly post: readonly (readonly number[])[]
  /** COMET blocks of the situation. */
  readonly situation: readonly (readonly number[])[]
  /** The caller's own strategy mixture, m probabilities; without it the model's. */
  readonly strategy?: readonly number[] | undefined
}

/** What the three encoders say of a batch of dialogues. */
export interface EncodedDialogues {
  /** C: the context states of all dialogues, [rows, d]. */
  readonly context: Tensor
  readonly batch: RaggedBatch
  /** Ĥ fused with C (eq. 4): post, then situation. */
  readonly blocks: readonly BlockSource[]
  readonly strategy: Strategy
}

/** Records eq. 1–6: contexts, blocks, their fusion, and the strategy mixture of a batch of dialogues. */
export function encodeDialogues(
  pass: Pass<MiscWeights>,
  cache: BlockCache,
  dialogues: readonly DialogueIds[],
): EncodedDialogues {
  const { weights, trace } = pass

  // Eq. 2–3: Ĥ, for post and situation.
  const names = ['post', 'situation'] as const
  const rows = cache.encode(
    pass,
    names.flatMap((name) => dialogues.flatMap((it) => it[name])),
  )
  let blocks = names.map((name) => {
    const ofDialogues = dialogues.map((it) => rows.splice(0, it[name].length))
    return gatherBlocks(pass, name, cache.states, ofDialogues)
  })
  for (const { name, states, rows } of blocks) trace?.(`blocks.${name}`, states, rows)

  // Eq. 1: C; eq. 4: H, after every layer (released) or after the last (paper).
  const batch = new RaggedBatch(dialogues.map((it) => it.context))
  const { fusion } = weights
  const context = encode(pass, batch, (layer, x) => {
    if (fusion.variant === 'released') fuseReleased(pass, fusion.layers[layer]!, x, batch, blocks)
  })
  trace?.('encoder.last_hidden_state', context, batch.rows)
  if (fusion.variant === 'paper') blocks = blocks.map((source) => fusePaper(pass, fusion, context, batch, source))
  for (const { name, states, rows } of blocks) trace?.(`fusion.${name}`, states, rows)

  // Eq. 5–6: p and g.
  const given = dialogues.map((it) => it.strategy)
  const strategy = mixStrategies(pass, context, batch, given)
  trace?.('strategy.logits', strategy.logits, dialogues.length)
  trace?.('strategy.probs', strategy.probs, dialogues.length)
  trace?.('strategy.representation', strategy.representation, dialogues.length)
  return { context, batch, blocks, strategy }
}

/** Records what the decoder needs of encoded dialogues (eq. 7), into these slots of its cache. */
export function prepareDecoding(
  pass: Pass<MiscWeights>,
  cache: MiscCache,
  slots: readonly number[],
  { context, batch, blocks, strategy }: EncodedDialogues,
): void {
  const sources = [{ states: context, counts: batch.lengths, rows: batch.rows }, ...blocks]
  slots.forEach((slot, i) => {
    cache.setSources(
      slot,
      sources.map(({ counts }) => counts[i]!),
    )
  })
  cacheSources(pass, cache, pass.weights.decoder.layers, slots, sources)
  cacheStrategy(pass, cache, slots, strategy.representation)
}
