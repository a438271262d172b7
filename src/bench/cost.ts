import type { MiscConfig, Variant } from '../models/misc/config.js'
import type { FeedForward, MiscWeights } from '../models/misc/weights.js'
import { sum } from './statistics.js'
import type { Workload } from './workload.js'

/**
 * Floating-point operations of matrix products and attention, two for a multiplication and its addition. Norms, softmax
 * and activations do not count.
 */
const product = (rows: number, k: number, n: number): number => 2 * rows * k * n
/** q·k and p·v, over all heads. */
const attend = (pairs: number, d: number): number => 4 * pairs * d

/** Eq. 1: the encoder over sequences of these lengths. */
export function contextFlops({ dModel: d, encoderFfn: f, encoderLayers }: MiscConfig, lengths: readonly number[]) {
  const rows = sum(lengths)
  const pairs = sum(lengths.map((length) => length ** 2))
  return encoderLayers * (product(rows, d, 4 * d + 2 * f) + attend(pairs, d))
}

/** Eq. 2–3: as {@link contextFlops}, but of the last layer only the first token's state is wanted. */
export function blockFlops(config: MiscConfig, lengths: readonly number[]): number {
  const { dModel: d, encoderFfn: f, encoderLayers } = config
  const rows = sum(lengths)
  const last = product(rows, d, 2 * d) + product(lengths.length, d, 2 * d + 2 * f) + attend(rows, d)
  return contextFlops({ ...config, encoderLayers: encoderLayers - 1 }, lengths) + last
}

/** Eq. 4–6: fusion of one dialogue's blocks with its context, and its strategy. */
export function fusionFlops(config: MiscConfig, variant: Variant, context: number, blocks: number): number {
  const { dModel: d, numStrategies: m, encoderLayers } = config
  const attended = attend(blocks * context, d)
  if (variant !== 'released') return attended + product(1, d, d + 2 * m)
  const projected = blocks > 0 ? product(context, d, 4 * d) : 0
  return encoderLayers * (projected + product(blocks, d, 3 * d) + attended) + product(1, d, 2 * m)
}

/** The keys and values that the decoder attends to, for one dialogue's context and blocks together. */
export function crossFlops({ dModel: d, decoderLayers }: MiscConfig, states: number): number {
  return decoderLayers * (product(states, d, 2 * d) + product(1, d, 2 * d))
}

/** Bytes that a decode step must read at least, and of what. */
export interface StepBytes {
  /** Every weight that a step uses, once whatever the batch; the whole embedding among them, for the logits. */
  readonly weights: number
  /** Keys and values of the replies so far, the mean over the steps after the first. */
  readonly self_cache: number
  /** Keys and values of contexts and blocks, and the strategy's part. */
  readonly cross_cache: number
  readonly total: number
}

/** What a decode step of the workload must read. */
export function decodeStepBytes(
  { config, decoder, embedding, logitsBias }: MiscWeights,
  workload: Workload,
): StepBytes {
  const { context, postBlocks, situationBlocks, tokens, batch } = workload
  const d = config.dModel
  const layers = decoder.layers.length
  const feedForward = ({ expand, contract, norm }: FeedForward) => [expand, contract, norm]
  const used = decoder.layers.flatMap((layer) => [
    layer.crossOutput,
    ...[layer.queryKeyValue, layer.output, layer.norm, layer.crossQuery, layer.crossNorm]
      .concat(feedForward(layer.feedForward))
      .flatMap(({ weight, bias }) => [weight, bias]),
  ])
  const weights = sum([embedding, logitsBias, ...used].map(({ bytes, scale }) => bytes + (scale?.bytes ?? 0)))
  // Step t reads t earlier rows, t from 1 to tokens − 1.
  const self = 4 * batch * layers * 2 * d * (tokens / 2)
  const cross = 4 * batch * layers * (2 * d * (context + postBlocks + situationBlocks) + d)
  return { weights, self_cache: self, cross_cache: cross, total: weights + self + cross }
}
