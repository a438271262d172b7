import type { Tensor, WeightDtype } from '../gpu/tensor.js'
import { embed } from '../ops/embed.js'
import { matrix, type Norm, norm, stack, type TensorTable, TIED_COPIES } from './layout.js'
import type { Pass } from './pass.js'

/** How ids are embedded. */
export interface EmbeddingConfig {
  /** Embeddings are multiplied by √d. */
  readonly scaleEmbedding: boolean
  /** Rows of a table of positions before that of position 0. */
  readonly positionOffset: number
  /** Positions there are. */
  readonly maxPositions: number
}

/** What a model embeds ids with. */
export interface EmbeddingModel {
  readonly config: EmbeddingConfig
  /** [V, d] */
  readonly embedding: Tensor
}

/** The number format of a model's matrices: in every family its embedding is one. */
export const dtypeOf = (weights: unknown): WeightDtype => (weights as EmbeddingModel).embedding.dtype as WeightDtype

/** What one side of a model, encoder or decoder, makes of embedded ids. */
export interface EmbeddingSide {
  /** [positions, d] */
  readonly positions: Tensor
  readonly norm?: Norm | undefined
  /** The norm comes before positions are added. */
  readonly normFirst?: boolean
}

/** What the layers of encoder and decoder are between: the ids' embedding, tied to the logits, and each side's positions. */
export function embeddingLayout(
  table: TensorTable,
  { vocabSize, maxPositions, positionOffset }: Omit<EmbeddingConfig, 'scaleEmbedding'> & { readonly vocabSize: number },
  d: number,
) {
  const shared = { name: 'model.shared.weight', shape: [vocabSize, d], role: 'embedding', copies: TIED_COPIES }
  const side = (name: string) => ({
    /** [positions, d] */
    positions: stack(table.tensor('embedding', `${name}.embed_positions.weight`, maxPositions + positionOffset, d)),
    norm: norm(table.norm('embedding', `${name}.layernorm_embedding`, d)),
  })
  return {
    /** [V, d]: embeds ids, and turns the last hidden state into logits. */
    embedding: matrix(table.add(shared)),
    encoder: side('model.encoder'),
    decoder: side('model.decoder'),
  }
}

/**
 * LN(embedding[id]·√d + pos[position]), [rows, d], in the tensor of this role; or as a side says otherwise.
 *
 * @param ids u32 [rows], and
 * @param positions u32 [rows], from 0 on.
 */
export function embedIds(
  { recorder, scratch, weights }: Pass<EmbeddingModel>,
  role: string,
  { ids, positions, rows }: { readonly ids: Tensor; readonly positions: Tensor; readonly rows: number },
  side: EmbeddingSide,
): Tensor {
  const { config, embedding: table } = weights
  const { positionOffset, scaleEmbedding } = config
  const { normFirst, norm, positions: positionTable } = side
  const d = table.shape[1]!
  const out = scratch.rows(role, rows, d)
  const scale = scaleEmbedding ? Math.sqrt(d) : 1
  embed(recorder, { ids, positions, table, positionTable, norm, out }, rows, { scale, positionOffset, normFirst })
  return out
}
