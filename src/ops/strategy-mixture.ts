import type { Recorder } from '../gpu/recorder.js'
import { expectShape, type Tensor } from '../gpu/tensor.js'

/** Tensors of {@link strategyMixture}; S is the number of strategies. */
export interface StrategyMixtureTensors {
  /** [rows, S], as the strategy head gives them. */
  readonly logits: Tensor
  /** [4, S]: weight, bias, running mean, running variance. The released variant has it, and applies it twice. */
  readonly batchNorm?: Tensor
  /** [rows, S]: probabilities of the caller's own. */
  readonly given: Tensor
  /** u32 [rows]: 1 where the given probabilities count, 0 where the predicted ones do. */
  readonly useGiven: Tensor
  /** [≥ S, d] */
  readonly codebook: Tensor
  /** [rows, S]: the predicted logits, after both batch norms. */
  readonly finalLogits: Tensor
  /** [rows, S]: their softmax, or the given probabilities. */
  readonly probs: Tensor
  /** [rows, d]: the strategy representation g. */
  readonly out: Tensor
}

/**
 * Eq. 5 and 6: finalLogits = BN(BN(logits)), probs = softmax(finalLogits) or the given ones, out = probs · codebook[0..S).
 *
 * @throws ShapeError
 */
export function strategyMixture(recorder: Recorder, tensors: StrategyMixtureTensors, rows: number): void {
  const { logits, batchNorm, given, useGiven, codebook, finalLogits, probs, out } = tensors
  const strategies = logits.shape[1]!
  const d = codebook.shape[1]!
  for (const tensor of [logits, given, finalLogits, probs]) expectShape('strategyMixture', tensor, ['rows', strategies])
  if (batchNorm) expectShape('strategyMixture', batchNorm, [4, strategies])
  expectShape('strategyMixture', useGiven, ['rows'], 'u32')
  expectShape('strategyMixture', codebook, ['S', 'd'])
  expectShape('strategyMixture', out, ['rows', d])
  const kernel = recorder.gpu.kernel('strategy-mixture', { S: strategies, HAS_BATCH_NORM: batchNorm ? 1 : 0 })
  const outputs = { final_logits: finalLogits, probs, out }
  const bindings = { logits, batch_norm: batchNorm, given, use_given: useGiven, codebook, ...outputs }
  recorder.dispatch(kernel, bindings, { strategies, d, eps: 1e-5 }, [rows])
}
