import type { Tensor } from '../../gpu/tensor.js'
import type { Pass } from '../../nn/pass.js'
import type { RaggedBatch } from '../../nn/ragged-batch.js'
import { project } from '../../nn/rows.js'
import { copyRows } from '../../ops/copy-rows.js'
import { strategyMixture } from '../../ops/strategy-mixture.js'
import type { MiscWeights } from './layout.js'

/** What eq. 5–6 give for each dialogue. */
export interface Strategy {
  /** [dialogues, m] */
  readonly logits: Tensor
  /** [dialogues, m]: predicted, or the caller's own. */
  readonly probs: Tensor
  /** g [dialogues, d] */
  readonly representation: Tensor
}

/**
 * The strategy of each dialogue from its first context state (eq. 5), and its representation g = p · codebook (eq. 6).
 *
 * @param given for each dialogue m probabilities of the caller's own, or undefined to predict them.
 */
export function mixStrategies(
  pass: Pass<MiscWeights>,
  context: Tensor,
  batch: RaggedBatch,
  given: readonly (readonly number[] | undefined)[],
): Strategy {
  const { recorder, scratch, weights } = pass
  const { config, strategy } = weights
  const { dModel: d, numStrategies: m } = config
  const rows = batch.lengths.length
  const head = scratch.rows('strategy.first', rows, d)
  const from = scratch.upload('strategy.from', [rows], Uint32Array.from(batch.starts))
  copyRows(recorder, { source: context, from, target: head }, rows)

  const first = { x: head, count: rows }
  const state = strategy.dense ? project(pass, 'strategy.dense', first, strategy.dense, { activation: 'tanh' }) : first
  const { x: headLogits } = project(pass, 'strategy.head', state, strategy.output)

  const logits = scratch.rows('strategy.logits', rows, m)
  const probs = scratch.rows('strategy.probs', rows, m)
  const representation = scratch.rows('strategy.representation', rows, d)
  const tensors = {
    logits: headLogits,
    ...(strategy.batchNorm && { batchNorm: strategy.batchNorm }),
    given: scratch.upload(
      'strategy.given',
      [rows, m],
      Float32Array.from(given.flatMap((it) => it ?? new Array(m).fill(0))),
    ),
    useGiven: scratch.upload(
      'strategy.use-given',
      [rows],
      Uint32Array.from(given, (it) => (it ? 1 : 0)),
    ),
    codebook: strategy.codebook,
    finalLogits: logits,
    probs,
    out: representation,
  }
  strategyMixture(recorder, tensors, rows)
  return { logits, probs, representation }
}
