import { sizeOf, type Tensor } from '../../gpu/tensor.js'
import { type NewIds, uploadSourceRows } from '../../nn/kv-cache.js'
import type { Pass } from '../../nn/pass.js'
import type { RaggedBatch } from '../../nn/ragged-batch.js'
import { project, type Rows } from '../../nn/rows.js'
import { embed } from '../../ops/embed.js'
import { logSoftmax } from '../../ops/log-softmax.js'
import { mixPlaces } from '../../ops/mix-places.js'
import { splitHeads } from '../../ops/split-heads.js'
import type { ListenersCache } from './cache.js'
import { timingOf } from './encoder.js'
import { decoderLayer, normed, through, type Way } from './layers.js'
import type { ListenersWeights } from './layout.js'

/** The listeners of sequences, whose slots are given, out of all there are; undefined without listeners. */
function wayOf(
  { decoder }: ListenersWeights,
  { choices }: ListenersCache,
  slots: Tensor,
  newRows: number,
): Way | undefined {
  return decoder.listeners && choices && { table: choices, slots, newRows, count: decoder.listeners.count }
}

/** The keys and values of what the decoder attends to, [rows, d], for each of its layers, into the slots of the sequences. */
export function cacheMemory(
  pass: Pass<ListenersWeights>,
  cache: ListenersCache,
  slots: readonly number[],
  memory: Tensor,
  { lengths, rows: count }: RaggedBatch,
): void {
  const { recorder, scratch, weights } = pass
  const { listeners, layers } = weights.decoder
  slots.forEach((slot, i) => {
    cache.setSources(slot, [lengths[i]!])
  })
  const to = uploadSourceRows(scratch, cache, slots, lengths, 0)
  const slotOfRow = Uint32Array.from(lengths.flatMap((length, i) => new Array<number>(length).fill(slots[i]!)))
  const way = wayOf(weights, cache, scratch.upload('cross.slots', [count], slotOfRow), 1)
  for (const [i, layer] of [...(listeners ? [listeners] : []), ...layers].entries()) {
    const chosen = layer === listeners ? way : undefined
    const role = chosen ? 'listeners.key-value' : 'cross.key-value'
    const { x: source } = through(pass, role, { x: memory, count }, layer.crossKeyValue, { parts: 2 }, chosen)
    splitHeads(recorder, { source, to, target: cache.cross[i]! }, count)
  }
}

/** s·E[y] · Pᵀ + S. */
function embedReply(pass: Pass<ListenersWeights>, { ids, positions }: NewIds, count: number): Rows {
  const { recorder, scratch, weights } = pass
  const { embedding: table, decoder } = weights
  const d = table.shape[1]!
  const z = scratch.rows('decoder.z', count, d)
  embed(recorder, { ids, table, out: z }, count, { scale: Math.sqrt(d) })
  const residual = timingOf(pass, 'decoder.timing', positions, count)
  return through(pass, 'decoder.x', { x: z, count }, decoder.projection, { residual })
}

/**
 * The decoder over new ids, after those in the cache: m = Σ a_e · L_e(x) + L_basic(x) where there are listeners (baselines §3),
 * then its layers, a norm, and the generator.
 *
 * @returns logits [sequences · newRows, V]
 */
export function decode(pass: Pass<ListenersWeights>, cache: ListenersCache, input: NewIds): Tensor {
  const { recorder, scratch, weights } = pass
  const { decoder, generator, embedding, config } = weights
  const { listeners } = decoder
  const count = input.sequences * input.newRows
  let x = embedReply(pass, input, count)
  const way = wayOf(weights, cache, input.slots, input.newRows)
  if (listeners && way) {
    const said = decoderLayer(pass, 'listeners', x, listeners, cache, 0, input, way)
    const out = scratch.rows('decoder.mixed', count, config.dModel)
    mixPlaces(recorder, { x: said.x, out }, way, count)
    x = { x: out, count }
  }
  const first = listeners ? 1 : 0
  for (const [i, layer] of decoder.layers.entries()) {
    x = decoderLayer(pass, 'decoder', x, layer, cache, first + i, input)
  }
  const last = normed(pass, 'decoder.last', x, decoder.norm)
  const { weight = embedding, bias } = generator
  const { x: logits } = project(pass, 'logits', last, { weight, bias })
  pass.trace?.('logits', logits, count)
  if (pass.trace) traceLogProbs(pass, logits, count)
  return logits
}

/** log softmax of the logits, which no one but a reference needs. */
function traceLogProbs({ recorder, scratch, trace }: Pass, logits: Tensor, count: number): void {
  const width = logits.shape[1]!
  const scores = scratch.rows('log-probs', count, width)
  recorder.copy(logits, scores, sizeOf([count, width]))
  logSoftmax(recorder, scores, count)
  trace?.('log_probs', scores, count)
}
