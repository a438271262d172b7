import type { ModelFolder } from '../engine/load-model.js'
import { openCheckpoint } from '../io/checkpoint.js'
import type { DialogueIds } from '../models/misc/misc.js'
import type { StageValues } from './case-run.js'

/** How much float32 loses of each row of a stage, as far as a twin in float64 can tell; undefined where it cannot. */
export type Float32Loss = (stage: string, read: StageValues) => Promise<Float32Array | undefined>

/** Orders in which products are summed in float32: in one run, and side by side in as many lanes as kernels have. */
const lanesTried = [1, 4, 8, 16]

type Values = Float32Array | Float64Array
/** Arithmetic in one number format, and one order of summation. */
interface Arithmetic {
  readonly zeros: (count: number) => Values
  readonly dot: (a: Values, aStart: number, b: Values, bStart: number, count: number) => number
}

const float64: Arithmetic = {
  zeros: (count) => new Float64Array(count),
  dot(a, aStart, b, bStart, count) {
    let sum = 0
    for (let i = 0; i < count; i++) sum += a[aStart + i]! * b[bStart + i]!
    return sum
  },
}

function float32(lanes: number): Arithmetic {
  const sums = new Float32Array(lanes)
  return {
    zeros: (count) => new Float32Array(count),
    dot(a, aStart, b, bStart, count) {
      sums.fill(0)
      for (let i = 0; i < count; i++) sums[i % lanes]! += a[aStart + i]! * b[bStart + i]!
      return sums.reduce((sum, it) => Math.fround(sum + it), 0)
    },
  }
}

/**
 * What float32 loses in the fusion of MISC (eq. 4), computed on the host from what the stage read: the released one multiplies
 * its scores by √d, the printed one scales them not at all, so that a near tie of two context rows turns rounding into the third
 * digit. A row's loss is the farthest that float32, in any of the orders of summation, is from float64.
 *
 * @param description the model's, whose weights are read in the precision of the file
 * @param inputs of the case
 * @returns undefined for a family that has no fusion
 */
export function fusionLoss(description: ModelFolder, inputs: readonly unknown[]): Float32Loss | undefined {
  if (description.family !== 'misc') return undefined
  const { config, variant, folder } = description
  const dialogues = inputs as readonly DialogueIds[]
  return async (stage, read) => {
    const name = stage === 'fusion.post' ? 'post' : stage === 'fusion.situation' ? 'situation' : undefined
    const blocks = name && read.get(`blocks.${name}`)
    const contexts =
      variant === 'paper'
        ? [read.get('encoder.last_hidden_state')]
        : Array.from({ length: config.encoderLayers }, (_, i) => read.get(`encoder.hidden.${i + 1}`))
    if (!name || !blocks || contexts.includes(undefined)) return undefined
    await using checkpoint = await openCheckpoint(folder)
    const tensor = (it: string) => checkpoint.readF32(it)
    const { dModel: d } = config
    const counts = dialogues.map((it) => [it.context.length, it[name].length] as const)
    const fuse: (arithmetic: Arithmetic) => Promise<Values> = async (arithmetic) => {
      let states: Values = blocks
      if (variant === 'paper') {
        const norm = `model.encoder.fusion_layer_norm_${name}`
        const context = contexts[0]!
        const attended = attend(arithmetic, states, context, context, counts, d, 1)
        return layerNorm(
          sum(arithmetic, states, attended),
          await tensor(`${norm}.weight`),
          await tensor(`${norm}.bias`),
          1e-5,
          arithmetic,
        )
      }
      for (const [i, context] of contexts.entries()) {
        const layer = `model.encoder.layers.${i}.${name === 'post' ? 'muAttn' : 'muAttn_st'}`
        const project = async (it: string, x: Values) =>
          linear(arithmetic, x, await tensor(`${layer}.${it}.weight`), await tensor(`${layer}.${it}.bias`))
        const norm = async (it: string, x: Values) =>
          layerNorm(x, await tensor(`${layer}.${it}.weight`), await tensor(`${layer}.${it}.bias`), 1e-8, arithmetic)
        const [q, v] = [await project('q_proj', context!), await project('v1_proj', context!)]
        const attended = attend(arithmetic, await project('k_proj', states), q, v, counts, d, Math.sqrt(d))
        const y = await norm('layerNorm_2', sum(arithmetic, attended, await project('v2_proj', states)))
        const hidden = (await project('FN', y)).map((it) => Math.max(it, 0))
        states = await norm('layerNorm_3', sum(arithmetic, hidden, y))
      }
      return states
    }
    const exact = await fuse(float64)
    const losses = new Float32Array(exact.length / d)
    for (const lanes of lanesTried) {
      const rounded = await fuse(float32(lanes))
      rounded.forEach((it, i) => {
        const row = Math.floor(i / d)
        losses[row] = Math.max(losses[row]!, Math.abs(it - exact[i]!))
      })
    }
    return losses
  }
}

const sum = ({ zeros }: Arithmetic, a: Values, b: Values): Values => {
  const out = zeros(a.length)
  for (let i = 0; i < a.length; i++) out[i] = a[i]! + b[i]!
  return out
}

/** x · weightᵀ + bias */
function linear({ zeros, dot }: Arithmetic, x: Values, weight: Values, bias: Values): Values {
  const [n, k] = [bias.length, weight.length / bias.length]
  const out = zeros((x.length / k) * n)
  for (let i = 0; i < out.length; i++) {
    const [row, column] = [Math.floor(i / n), i % n]
    out[i] = dot(x, row * k, weight, column * k, k) + bias[column]!
  }
  return out
}

/** Every block attends to its dialogue's context, in one head. */
function attend(
  { zeros, dot }: Arithmetic,
  q: Values,
  k: Values,
  v: Values,
  counts: readonly (readonly [context: number, blocks: number])[],
  d: number,
  scale: number,
): Values {
  const out = zeros(q.length)
  let [row, key] = [0, 0]
  for (const [context, blocks] of counts) {
    for (const end = row + blocks; row < end; row++) {
      const scores = zeros(context)
      for (let j = 0; j < context; j++) scores[j] = dot(q, row * d, k, (key + j) * d, d) * scale
      let [largest, total] = [Number.NEGATIVE_INFINITY, 0]
      for (const it of scores) largest = Math.max(largest, it)
      const weights = scores.map((it) => Math.exp(it - largest))
      for (const it of weights) total += it
      for (let j = 0; j < context; j++) {
        for (let c = 0; c < d; c++) out[row * d + c]! += (weights[j]! / total) * v[(key + j) * d + c]!
      }
    }
    key += context
  }
  return out
}

function layerNorm(x: Values, weight: Values, bias: Values, eps: number, { zeros }: Arithmetic): Values {
  const d = weight.length
  const out = zeros(x.length)
  for (let start = 0; start < x.length; start += d) {
    const row = x.subarray(start, start + d)
    let [mean, variance] = [0, 0]
    for (const it of row) mean += it / d
    for (const it of row) variance += (it - mean) ** 2 / d
    for (let c = 0; c < d; c++) out[start + c] = ((row[c]! - mean) / Math.sqrt(variance + eps)) * weight[c]! + bias[c]!
  }
  return out
}
