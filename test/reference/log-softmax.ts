/** log softmax of f32 scores, in float64 and rounded once: the plain twin of shaders/log-softmax.wgsl. */
export function logSoftmax(scores: ArrayLike<number>): Float32Array {
  const values = Array.from(scores)
  const best = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)
  const total = values.reduce((sum, it) => sum + Math.exp(it - best), 0)
  const sound = Number.isFinite(best)
  return Float32Array.from(values, (it) => (sound ? it - best - Math.log(total) : Number.NaN))
}
