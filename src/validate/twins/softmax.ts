/** exp(x - max) / sum of the same, in float64. */
export function softmax(x: ArrayLike<number>): number[] {
  const values = Array.from(x)
  const largest = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)
  const exps = values.map((value) => Math.exp(value - largest))
  const sum = exps.reduce((a, b) => a + b, 0)
  return exps.map((value) => value / sum)
}
