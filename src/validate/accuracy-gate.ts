import type { WeightDtype } from '../gpu/tensor.js'
import { type IdScores, perplexity } from './perplexity.js'

/** What a number format may change. */
export interface GateLimits {
  /** The perplexity, up or down, as a part of that in f32. */
  readonly max_ppl_change: number
  /** The part of the ids after which the best next id stays the same, at least. */
  readonly min_argmax_agreement: number
}

/** What each number format must keep to. */
export const gateLimits: Readonly<Record<WeightDtype, GateLimits>> = {
  f32: { max_ppl_change: 0, min_argmax_agreement: 1 },
  f16: { max_ppl_change: 1e-3, min_argmax_agreement: 0.995 },
  int8: { max_ppl_change: 1e-2, min_argmax_agreement: 0.97 },
}

/** How a number format compares with f32 on replies that came, teacher-forced. */
export interface AccuracyGate extends GateLimits {
  readonly ok: boolean
  readonly dtype: WeightDtype
  /** Replies. */
  readonly rows: number
  /** Their ids, EOS included. */
  readonly tokens: number
  /** Per id of the model's own vocabulary. */
  readonly ppl_f32: number
  readonly ppl: number
  /** ppl / ppl_f32 − 1 */
  readonly ppl_change: number
  readonly argmax_agreement: number
}

/** Compares the scores of the same replies, by weights in f32 and in another format; what is no number is not ok. */
export function accuracyGate(
  dtype: WeightDtype,
  exact: readonly IdScores[],
  scores: readonly IdScores[],
): AccuracyGate {
  const limits = gateLimits[dtype]
  const best = scores.flatMap(({ bestIds }) => [...bestIds])
  const bestExact = exact.flatMap(({ bestIds }) => [...bestIds])
  const agreement = best.filter((id, i) => id === bestExact[i]).length / bestExact.length
  const [ppl, pplF32] = [perplexity(scores), perplexity(exact)]
  const change = ppl / pplF32 - 1
  return {
    ok: Math.abs(change) <= limits.max_ppl_change && agreement >= limits.min_argmax_agreement,
    dtype,
    rows: scores.length,
    tokens: best.length,
    ppl_f32: pplF32,
    ppl,
    ppl_change: change,
    argmax_agreement: agreement,
    ...limits,
  }
}
