import type { Tensor } from '../gpu/tensor.js'
import { placesOf } from '../models/listeners/cache.js'
import type { MiscLayout } from '../models/misc/layout.js'
import type { Family, ModelDescription, ModelOf } from '../models/registry.js'
import { cacheElements } from '../nn/kv-cache.js'
import { matrixElements } from '../nn/layout.js'
import type { BenchRig } from './rig.js'
import { sum } from './statistics.js'

type Weights = MiscLayout['weights']
/** What the encoders of MISC and of a plain backbone have alike. */
type EncoderWeights = Pick<Weights, 'encoder' | 'embedding'>

/**
 * Floating-point operations of matrix products and attention, two for a multiplication and its addition. Norms, softmax
 * and activations do not count. Of products: so many rows, by all matrices of a part of the layout.
 */
const products = (rows: number, part: unknown): number => 2 * rows * matrixElements(part)
/** q·k and p·v, over all heads. */
const attend = (pairs: number, d: number): number => 4 * pairs * d

const widthOf = ({ embedding }: Pick<Weights, 'embedding'>): number => embedding.shape[1]!

/** Eq. 1: the encoder over sequences of these lengths. */
export function contextFlops(
  weights: EncoderWeights,
  lengths: readonly number[],
  layers = weights.encoder.layers,
): number {
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

/**
 * All that comes before the first step, of texts of these lengths; undefined for families whose operations are not counted here:
 * MISC has counts for its parts.
 */
export function encodeFlops({ family, layout }: ModelDescription, lengths: readonly number[]): number | undefined {
  if (family !== 'bart' && family !== 'joint') return undefined
  const { weights } = layout
  const { layers } = weights.decoder
  const [states, d] = [sum(lengths), widthOf(weights)]
  const sources = layers.map((it) => it.crossKeyValue)
  const encoded = contextFlops(weights, lengths) + products(states, sources)
  if (family === 'bart') return encoded
  // The start id's step, for what it says of the strategies: it attends to itself and to the text.
  const step = products(lengths.length, [layers.map(({ crossKeyValue, ...step }) => step), weights.embedding])
  return encoded + step + layers.length * attend(states + lengths.length, d)
}

/** Bytes that a decode step must read at least, and of what. */
export interface StepBytes {
  /** Every weight that a step uses, once whatever the batch; the whole embedding among them, for the logits. */
  readonly weights: number
  /** Keys and values of the replies so far, and of a prompt, the mean over the steps after the first. */
  readonly self_cache: number
  /** Keys and values of contexts and blocks, and what else is kept of them, as the strategy's part. */
  readonly cross_cache: number
  readonly total: number
}

/** What a decode step of a rig's work must read. */
export function decodeStepBytes({ model, description, inputs, workload }: BenchRig): StepBytes {
  const { tokens, batch } = workload
  // Step t reads t rows of the reply before its own, t from 1 to tokens − 1: the mean.
  const positions = model.first(inputs[0]).length + tokens / 2
  const sources = model.sourceRows(inputs[0])
  const { self, cross } = cacheElements({ ...description.cache, positions, sources })
  const weights = stepWeightBytes(model.weights as AnyWeights)
  const [selfCache, crossCache] = [4 * batch * self, 4 * batch * cross]
  return { weights, self_cache: selfCache, cross_cache: crossCache, total: weights + selfCache + crossCache }
}

type AnyWeights = ModelOf<Family>['weights']

function stepWeightBytes(weights: AnyWeights): number {
  // What a reply's sources are projected with is used once, before its first step.
  const ofStep = ({ crossKeyValue, strategyValue, strategyOutput, ...step }: Record<string, unknown>) => step
  const layers = weights.decoder.layers.map((layer) => ofStep({ ...layer }))
  if (!('generator' in weights)) {
    return tensorBytes([weights.embedding, 'logitsBias' in weights && weights.logitsBias, layers])
  }
  const { decoder, generator, embedding, config } = weights
  const { projection, norm, listeners } = decoder
  // Of the listeners, as many as hear one sequence.
  const heard = listeners ? (tensorBytes(ofStep({ ...listeners })) * placesOf(config)) / listeners.count : 0
  return tensorBytes([generator.weight ?? embedding, generator.bias, projection, norm, layers]) + heard
}

/** Bytes of all tensors of a part of the weights, scales included. */
function tensorBytes(part: unknown): number {
  if (typeof part !== 'object' || part === null) return 0
  if (isTensor(part)) return part.bytes + (part.scale?.bytes ?? 0)
  return sum(Object.values(part).map(tensorBytes))
}

const isTensor = (part: object): part is Tensor => 'buffer' in part
