/** What {@link matmul} computes on, row-major. */
export interface MatmulValues {
  readonly x: ArrayLike<number>
  readonly weight: ArrayLike<number>
  /** [groups, n] */
  readonly bias?: ArrayLike<number>
  readonly residual?: ArrayLike<number>
}

const activations = {
  none: (x: number) => x,
  gelu: (x: number) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
  relu: (x: number) => Math.max(x, 0),
  tanh: Math.tanh,
  'gelu-tanh': (x: number) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
}

/** activation(x · weightᵀ + bias) + residual in float64: the plain twin of shaders/gemm.*.wgsl and gemv.*.wgsl. */
export function matmul(
  { x, weight, bias, residual }: MatmulValues,
  [rows, k, n]: readonly [rows: number, k: number, n: number],
  activation: keyof typeof activations = 'none',
): Float64Array {
  const groupRows = rows / ((bias?.length ?? n) / n)
  const out = new Float64Array(rows * n)
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < n; column++) {
      let sum = bias?.[Math.floor(row / groupRows) * n + column] ?? 0
      for (let i = 0; i < k; i++) sum += x[row * k + i]! * weight[column * k + i]!
      out[row * n + column] = activations[activation](sum) + (residual?.[row * n + column] ?? 0)
    }
  }
  return out
}

/** The error function to about 1e-15: a series whose terms are all positive, so that nothing cancels. */
export function erf(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x)
  let term = x
  let sum = x
  for (let i = 1; Math.abs(term) > 1e-17 * Math.abs(sum); i++) {
    term *= (2 * x * x) / (2 * i + 1)
    sum += term
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum
}
