import { matrix, norm, stack, type TensorTable, TIED_COPIES } from './layout.js'

/** What the layers of encoder and decoder are between: the ids' embedding, tied to the logits, and each side's positions. */
export function embeddingLayout(table: TensorTable, vocabSize: number, positions: number, d: number) {
  const shared = { name: 'model.shared.weight', shape: [vocabSize, d], role: 'embedding', copies: TIED_COPIES }
  const side = (name: string) => ({
    /** [positions, d] */
    positions: stack(table.tensor('embedding', `${name}.embed_positions.weight`, positions, d)),
    norm: norm(table.norm('embedding', `${name}.layernorm_embedding`, d)),
  })
  return {
    /** [V, d]: embeds ids, and turns the last hidden state into logits. */
    embedding: matrix(table.add(shared)),
    encoder: side('model.encoder'),
    decoder: side('model.decoder'),
  }
}
