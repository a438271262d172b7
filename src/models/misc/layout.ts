import { attentionTensors } from '../../nn/attention-tensors.js'
import { crossAttentionLayout, selfAttentionLayout } from '../../nn/decoder-layer.js'
import { embeddingLayout } from '../../nn/embedding.js'
import { encoderLayerLayout } from '../../nn/encoder-layer.js'
import { feedForwardLayout } from '../../nn/feed-forward.js'
import { type Loaded, linear, matrix, norm, row, rows, stack, sum, TensorTable } from '../../nn/layout.js'
import type { MiscConfig, Variant } from './config.js'

/** The variants that can reply. */
export type MiscVariant = Exclude<Variant, 'plain'>

/** What a MISC checkpoint holds. */
export type MiscLayout = ReturnType<typeof miscLayout>

/** All weights of a MISC model, on the GPU. */
export interface MiscWeights extends Loaded<MiscLayout['weights']> {
  readonly config: MiscConfig
  readonly variant: MiscVariant
}

/** Eq. 4 as printed. */
export type PaperFusion = Loaded<ReturnType<typeof paperFusion>>
/** Eq. 4 as the authors' program computes it, in one encoder layer. */
export type ReleasedFusionLayer = Loaded<ReturnType<typeof releasedFusionLayer>>

/** The checkpoint of model-spec §1–2. */
export function miscLayout(config: MiscConfig, variant: MiscVariant) {
  const { dModel: d, encoderFfn, vocabSize } = config
  const table = new TensorTable()
  const { embedding, encoder, decoder } = embeddingLayout(table, config, d)

  const encoderLayers: ReturnType<typeof encoderLayerLayout>[] = []
  const fusionLayers: ReturnType<typeof releasedFusionLayer>[] = []
  for (let i = 0; i < config.encoderLayers; i++) {
    const layer = `model.encoder.layers.${i}`
    encoderLayers.push(encoderLayerLayout(table, layer, d, encoderFfn))
    if (variant === 'released') fusionLayers.push(releasedFusionLayer(table, layer, d))
  }
  const fusion = variant === 'released' ? { variant, layers: fusionLayers } : paperFusion(table, d)
  const strategy = variant === 'released' ? releasedStrategy(table, config) : paperStrategy(table, config)
  const decoderLayers = Array.from({ length: config.decoderLayers }, (_, i) =>
    decoderLayerLayout(table, `model.decoder.layers.${i}`, config, variant),
  )
  const weights = {
    embedding,
    encoder: { layers: encoderLayers, ...encoder },
    fusion,
    strategy,
    decoder: { layers: decoderLayers, ...decoder },
    /** [V] */
    logitsBias: row(table.tensor('head', 'final_logits_bias', 1, vocabSize)),
  }
  return { tensors: table.tensors, weights }
}

/** Eq. 4 as printed: one layer norm a source. */
function paperFusion(table: TensorTable, d: number) {
  const source = (name: string) => norm(table.norm('fusion', `model.encoder.fusion_layer_norm_${name}`, d))
  return { variant: 'paper' as const, post: source('post'), situation: source('situation') }
}

/** Eq. 4 as released: mutual attention of post and situation in one encoder layer. */
function releasedFusionLayer(table: TensorTable, layer: string, d: number) {
  const [post, situation] = [
    mutualAttention(table, `${layer}.muAttn`, d),
    mutualAttention(table, `${layer}.muAttn_st`, d),
  ]
  table.norm('unused', `${layer}.attn_layer_norm_comet`, d)
  return {
    /** q_proj and v1_proj of post, then those of situation, for the context states: [4d, d] */
    context: linear(...post.ofContext, ...situation.ofContext),
    post: post.ofBlocks,
    situation: situation.ofBlocks,
  }
}

/** One source's part of the released fusion. */
function mutualAttention(table: TensorTable, name: string, d: number) {
  const layer = (it: string) => table.linear('fusion', `${name}.${it}`, d, d)
  const [query, key] = [layer('q_proj'), layer('k_proj')]
  const [value1, value2] = [layer('v1_proj'), layer('v2_proj')]
  const feedForward = layer('FN')
  table.norm('unused', `${name}.layerNorm_1`, d)
  return {
    ofContext: [query, value1],
    ofBlocks: {
      key: linear(key),
      value: linear(value2),
      norm2: norm(table.norm('fusion', `${name}.layerNorm_2`, d)),
      feedForward: linear(feedForward),
      norm3: norm(table.norm('fusion', `${name}.layerNorm_3`, d)),
    },
  }
}

/** Eq. 5–6 as printed: a classification head with a hidden layer. */
function paperStrategy(table: TensorTable, { dModel: d, numStrategies: m }: MiscConfig) {
  const head = 'model.encoder.strategy_head'
  const [dense, output] = [
    table.linear('strategy', `${head}.dense`, d, d),
    table.linear('strategy', `${head}.out_proj`, m, d),
  ]
  return {
    /** [m, d] */
    codebook: stack(table.tensor('strategy', 'model.encoder.strategy_embedding.weight', m, d)),
    dense: linear(dense),
    output: linear(output),
    batchNorm: undefined,
  }
}

/** Eq. 5–6 as released; the codebook has a row more than there are strategies. */
function releasedStrategy(table: TensorTable, { dModel: d, numStrategies: m }: MiscConfig) {
  const output = table.linear('strategy', 'model.encoder.strategy_head', m, d)
  const batchNorm = table.batchNorm('strategy', 'model.encoder.batchNorm_strategy', m)
  const codebook = table.tensor('strategy', 'model.encoder.strategy_embedding.weight', m + 1, d)
  table.linear('unused', 'model.encoder.emotion_head', 11, d)
  table.batchNorm('unused', 'model.encoder.batchNorm_emotion', 11)
  table.linear('unused', 'model.encoder.intensity_head', 1, d)
  table.norm('unused', 'model.encoder.multi_state_LayerNorm', d)
  table.tensor('unused', 'model.decoder.wre.weight', 2, d)
  table.tensor('unused', 'model.decoder.wte.weight', 128, d)
  return {
    /** [m + 1, d] */
    codebook: stack(codebook),
    dense: undefined,
    output: linear(output),
    /** weight, bias, running mean and running variance: [4, m] */
    batchNorm: rows(...batchNorm),
  }
}

/** Causal attention, cross-attention to four sources (eq. 7), feed-forward. */
function decoderLayerLayout(table: TensorTable, layer: string, config: MiscConfig, variant: MiscVariant) {
  const { dModel: d, decoderFfn } = config
  const cross = (source: string) => attentionTensors(table, 'decoder-cross', `${layer}.${source}`, d)
  const self = selfAttentionLayout(table, layer, d)
  const context = cross('encoder_attn')
  const crossNorm = table.norm('decoder-cross', `${layer}.encoder_attn_layer_norm`, d)
  const sources = [context, cross('encoder_attn_comet'), cross('encoder_attn_comet_st')]
  // The strategy source has one key, so its softmax is 1 whatever its queries and keys are.
  const strategy = attentionTensors(table, 'decoder-cross', `${layer}.encoder_attn_strategy`, d, 'identity')
  if (variant === 'released') {
    for (const name of ['strategy', 'comet', 'total'])
      table.norm('unused', `${layer}.encoder_attn_layer_norm_${name}`, d)
  }
  return {
    ...self,
    /** Of context, post and situation. The biases of `crossOutput` are in `strategyOutput`'s. */
    ...crossAttentionLayout(sources),
    /** All of the strategy source's attention is out_proj(v_proj(g)). */
    strategyValue: linear(strategy.value),
    /** out_proj of the strategy source; its bias is the sum of all four sources' biases. */
    strategyOutput: {
      weight: matrix(strategy.output.weight),
      bias: sum(...[...sources, strategy].map((it) => it.output.bias)),
    },
    /** [3, d]: the biases of the out_projs of context, post and situation, which tell the summands of eq. 7 apart. */
    crossBiases: rows(...sources.map((it) => it.output.bias)),
    crossNorm: norm(crossNorm),
    feedForward: feedForwardLayout(table, 'decoder-ffn', layer, d, decoderFfn),
  }
}

/**
 * Tells the variants apart by the names of a checkpoint's tensors: fusion in every layer is the released one, any
 * other MISC part the paper's, none at all a plain backbone.
 */
export function detectVariant(tensors: ReadonlyMap<string, unknown>): Variant {
  const names = [...tensors.keys()]
  const has = (pattern: RegExp) => names.some((name) => pattern.test(name))
  if (has(/^model\.encoder\.(layers\.\d+\.muAttn|batchNorm_|strategy_head\.weight)/)) return 'released'
  if (
    has(
      /^model\.(encoder\.(fusion_layer_norm|strategy_)|decoder\.layers\.\d+\.encoder_attn_(comet|comet_st|strategy)\.)/,
    )
  ) {
    return 'paper'
  }
  return 'plain'
}
