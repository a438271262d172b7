import type { Tensor } from '../gpu/tensor.js'
import type { MiscLayout, MiscWeights } from '../models/misc/layout.js'
import { matrixElements } from '../nn/layout.js'
import { sum } from './statistics.js'
import type { Workload } from './workload.js'

type Weights = MiscLayout['weights']

/**
 * Floating-point operations of matrix products and attention, two for a multiplication and its addition. Norms, softmax
 * and activations do not count. Of products: so many rows, by all matrices of a part of the layout.
 */
const products = (rows: number, part: unknown): number => 2 * rows * matrixElements(part)
/** q·k and p·v, over all heads. */
const attend = (pairs: number, d: number): number => 4 * pairs * d

const widthOf = ({ embedding }: Weights): number => embedding.shape[1]!

/** Eq. 1: the encoder over sequences of these lengths. */
export function contextFlops(weights: Weights, lengths: readonly number[], layers = weights.encoder.layers): number {
  const pairs = sum(lengths.map((length) => length ** 2))
  return products(sum(lengths), layers) + layers.length * attend(pairs, widthOf(weights))
}

/** Eq. 2–3: as {@link contextFlops}, but of the last layer only the first token's state is wanted. */
export function blockFlops(weights: Weights, lengths: readonly number[]): number {
  const { keyValue, ...ofFirst } = weights.encoder.layers.at(-1)!
  const rows = sum(lengths)
  const last = products(rows, keyValue) + products(lengths.length, ofFirst) + attend(rows, widthOf(weights))
  return contextFlops(weights, lengths, weights.encoder.layers.slice(0, -1)) + last
}

/** Eq. 4–6: fusion of one dialogue's blocks with its context, and its strategy. */
export function fusionFlops(weights: Weights, context: number, blocks: number): number {
  const { fusion, strategy } = weights
  const attended = attend(blocks * context, widthOf(weights))
  // The codebook is a table, of which as many rows are mixed as there are strategies.
  const mixed = products(1, strategy) + 2 * strategy.output.weight.shape[0]! * widthOf(weights)
  if (fusion.variant === 'paper') return attended + mixed
  // The two sources' matrices are alike.
  const layers = fusion.layers.map((layer) => {
    const projected = blocks > 0 ? products(context, layer.context) : 0
    return projected + products(blocks, layer.post) + attended
  })
  return sum(layers) + mixed
}

/** The keys and values that the decoder attends to, for one dialogue's context and blocks together. */
export function crossFlops({ decoder }: Weights, states: number): number {
  const layers = decoder.layers.map(({ crossKeyValue, strategyValue, strategyOutput }) => {
    // Those of the three sources are alike.
    return products(states, crossKeyValue[0]) + products(1, [strategyValue, strategyOutput])
  })
  return sum(layers)
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
  // What a reply's sources are projected with is used once, before its first step.
  const used = decoder.layers.map(({ crossKeyValue, strategyValue, strategyOutput, ...step }) => step)
  const weights = tensorBytes([embedding, logitsBias, used])
  // Step t reads t earlier rows, t from 1 to tokens − 1.
  const self = 4 * batch * layers * 2 * d * (tokens / 2)
  const cross = 4 * batch * layers * (2 * d * (context + postBlocks + situationBlocks) + d)
  return { weights, self_cache: self, cross_cache: cross, total: weights + self + cross }
}

/** Bytes of all tensors of a part of the weights, scales included. */
function tensorBytes(part: unknown): number {
  if (typeof part !== 'object' || part === null) return 0
  if (isTensor(part)) return part.bytes + (part.scale?.bytes ?? 0)
  return sum(Object.values(part).map(tensorBytes))
}

const isTensor = (part: object): part is Tensor => 'buffer' in part
