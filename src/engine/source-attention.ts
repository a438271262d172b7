import type { Gpu } from '../gpu/gpu.js'
import type { Replay } from './replay.js'

/** Stages of the decoder that {@link sourceAttention} is computed of, one a layer. */
export const isQuery = (stage: string): boolean => stage.startsWith('decoder.cross_query.')

/**
 * Which rows of each source the decoder attended to: softmax(q · k / √e), averaged over layers and heads. The kernels keep no
 * weights, so they are computed here, of queries that were captured and the keys of slot 0.
 *
 * @param stage the values of a stage that {@link isQuery}: [rows, sources · d]
 * @param counts how many rows each source has
 * @returns by row, by source: a weight for each of the source's rows, which add up to 1
 */
export async function sourceAttention(
  gpu: Gpu,
  { cache, stage }: Pick<Replay<unknown>, 'cache' | 'stage'>,
  counts: readonly number[],
): Promise<number[][][]> {
  const queries = cache.cross.map((_, i) => stage(`decoder.cross_query.${i}`))
  const { heads, rowsPerSlot, sourceStarts } = cache
  const e = cache.cross[0]!.shape[3]! / 2
  const width = counts.length * heads * e
  const mean = Array.from({ length: queries[0]!.length / width }, () =>
    counts.map((count) => new Array<number>(count).fill(0)),
  )
  for (const [layer, query] of queries.entries()) {
    const keys = await gpu.readF32(cache.cross[layer]!)
    for (const [row, sources] of mean.entries()) {
      for (const [s, weights] of sources.entries()) {
        if (weights.length === 0) continue
        for (let head = 0; head < heads; head++) {
          const q = query.subarray(row * width + (s * heads + head) * e)
          const first = (head * rowsPerSlot + sourceStarts[s]!) * 2 * e
          const scores = weights.map((_, i) => dot(q, keys, first + i * 2 * e, e) / Math.sqrt(e))
          softmax(scores).forEach((weight, i) => {
            weights[i]! += weight / (heads * queries.length)
          })
        }
      }
    }
  }
  return mean
}

function dot(a: Float32Array, b: Float32Array, start: number, length: number): number {
  let sum = 0
  for (let i = 0; i < length; i++) sum += a[i]! * b[start + i]!
  return sum
}

/** What {@link softmax} gives at one place. */
export function softmaxAt(scores: Float32Array, at: number): number {
  let best = -Infinity
  for (let i = 0; i < scores.length; i++) if (scores[i]! > best) best = scores[i]!
  let sum = 0
  for (let i = 0; i < scores.length; i++) sum += Math.exp(scores[i]! - best)
  return Math.exp(scores[at]! - best) / sum
}

/** Probabilities in proportion to e to the power of the scores. */
export function softmax(scores: readonly number[] | Float32Array): number[] {
  let best = -Infinity
  for (const score of scores) if (score > best) best = score
  const powers = Array.from(scores, (score) => Math.exp(score - best))
  const sum = powers.reduce((total, it) => total + it, 0)
  return powers.map((it) => it / sum)
}
