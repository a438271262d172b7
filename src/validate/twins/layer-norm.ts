/** LN(x + residual) in float64, by the variance or the sample's standard deviation: the plain twin of shaders/layer-norm.wgsl. */
export function layerNorm(
  x: ArrayLike<number>,
  residual: ArrayLike<number> | undefined,
  weight: ArrayLike<number>,
  bias: ArrayLike<number>,
  rows: number,
  eps: number,
  by: 'variance' | 'sample deviation' = 'variance',
): Float64Array {
  const d = weight.length
  const out = new Float64Array(rows * d)
  for (let row = 0; row < rows; row++) {
    const z = Float64Array.from({ length: d }, (_, c) => x[row * d + c]! + (residual?.[row * d + c] ?? 0))
    const mean = z.reduce((sum, value) => sum + value, 0) / d
    const squares = z.reduce((sum, value) => sum + (value - mean) ** 2, 0)
    const scale = by === 'variance' ? Math.sqrt(squares / d + eps) : Math.sqrt(squares / (d - 1)) + eps
    z.forEach((value, c) => {
      out[row * d + c] = ((value - mean) / scale) * weight[c]! + bias[c]!
    })
  }
  return out
}
