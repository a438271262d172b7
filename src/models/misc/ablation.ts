/** What Table 4 leaves out of the decoder: the mixed strategy g, the situation's blocks s, or those of the last post x. */
export const ABLATIONS = ['g', 's', 'x'] as const

/** One of {@link ABLATIONS}. */
export type Ablation = (typeof ABLATIONS)[number]

const SOURCES: Readonly<Record<Ablation, string>> = {
  g: 'encoder_attn_strategy',
  s: 'encoder_attn_comet_st',
  x: 'encoder_attn_comet',
}

/**
 * The tensors that stand between a source and the decoder's sum (eq. 7), weight and bias: where they are zero the source is left
 * out altogether (model-spec §2.5). Nothing else reads it: what blocks say reaches neither the context nor the strategy.
 */
export const outputsOf = (source: Ablation): RegExp =>
  new RegExp(`^model\\.decoder\\.layers\\.\\d+\\.${SOURCES[source]}\\.out_proj\\.(weight|bias)$`)
