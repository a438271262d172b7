import { softmax } from '../../src/validate/twins/softmax.js'

/** A batch norm with running statistics, a value per strategy each. */
export interface BatchNorm {
  readonly weight: ArrayLike<number>
  readonly bias: ArrayLike<number>
  readonly mean: ArrayLike<number>
  readonly variance: ArrayLike<number>
}

/** One row of the strategy mixture in float64: the plain twin of shaders/strategy-mixture.wgsl. */
export function strategyMixture(
  logits: ArrayLike<number>,
  batchNorm: BatchNorm | undefined,
  given: ArrayLike<number> | undefined,
  codebook: ArrayLike<number>,
  d: number,
): { finalLogits: number[]; probs: ArrayLike<number>; out: Float64Array } {
  const normed = (x: number, s: number) => {
    if (!batchNorm) return x
    const { weight, bias, mean, variance } = batchNorm
    return ((x - mean[s]!) / Math.sqrt(variance[s]! + 1e-5)) * weight[s]! + bias[s]!
  }
  const finalLogits = Array.from(logits, (x, s) => normed(normed(x, s), s))
  const probs = given ?? softmax(finalLogits)
  const out = Float64Array.from({ length: d }, (_, c) =>
    Array.from(probs).reduce((sum, p, s) => sum + p * codebook[s * d + c]!, 0),
  )
  return { finalLogits, probs, out }
}
