import { softmax } from '../../src/validate/twins/softmax.js'

/** One row of MIME's two mixtures in float64: the plain twin of shaders/polarity-mixture.wgsl. */
export function polarityMixture(
  emotions: readonly number[],
  mixtures: { readonly positive: readonly number[]; readonly negative: readonly number[] },
  lists: { readonly positive: readonly number[]; readonly negative: readonly number[] },
  table: ArrayLike<number>,
  d: number,
): Float64Array {
  const mixed = (side: 'positive' | 'negative') => {
    const weights = softmax(mixtures[side])
    return Array.from({ length: d }, (_, c) =>
      weights.reduce((sum, weight, i) => sum + weight * table[lists[side][i]! * d + c]!, 0),
    )
  }
  const positive = lists.positive.includes(emotions.indexOf(Math.max(...emotions)))
  const sides = positive ? (['positive', 'negative'] as const) : (['negative', 'positive'] as const)
  return Float64Array.from(sides.flatMap(mixed))
}
