import type { Tensor } from '../../gpu/tensor.js'
import { copyRows } from '../../ops/copy-rows.js'
import { matmul } from '../../ops/matmul.js'
import { strategyMixture } from '../../ops/strategy-mixture.js'
import type { Pass, RaggedBatch } from './encoder.js'

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
  { recorder, scratch, weights }: Pass,
  context: Tensor,
  batch: RaggedBatch,
  given: readonly (readonly number[] | undefined)[],
): Strategy {
  const { config, strategy } = weights
  const { dModel: d, numStrategies: m } = config
  const rows = batch.lengths.length
  const head = scratch.rows('strategy.first', rows, d)
  const from = scratch.upload('strategy.from', [rows], Uint32Array.from(batch.starts))
  copyRows(recorder, { source: context, from, target: head }, rows)

  let state = head
  if (strategy.dense) {
    state = scratch.rows('strategy.dense', rows, d)
    matmul(recorder, { x: head, ...strategy.dense, out: state }, rows, 'tanh')
  }
  const headLogits = scratch.rows('strategy.head', rows, m)
  matmul(recorder, { x: state, ...strategy.output, out: headLogits }, rows)

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
