import type { Recorder } from '../gpu/recorder.js'
import { expectRows, type Tensor } from '../gpu/tensor.js'
import { rowLanes } from './row-lanes.js'

/** Tensors of {@link tokenLoss}. All may have more rows than are computed. */
export interface TokenLossTensors {
  /** [rows, V] */
  readonly logits: Tensor
  /** u32 [rows], each an id that counts. */
  readonly targets: Tensor
  /** [rows]: −log softmax(logits)[target], in nats. */
  readonly losses: Tensor
  /** u32 [rows]: the id of the largest logit, the first of equal ones. */
  readonly bestIds: Tensor
}

/**
 * The cross-entropy of the ids that came and the best id of each row, so that logits need not be read back.
 *
 * @param vocabulary the ids that count; logits beyond belong to no token
 * @throws ShapeError
 */
export function tokenLoss(
  recorder: Recorder,
  { logits, targets, losses, bestIds }: TokenLossTensors,
  rows: number,
  vocabulary = logits.shape[1]!,
): void {
  const width = logits.shape[1]!
  expectRows('tokenLoss', logits, rows, [width])
  expectRows('tokenLoss', targets, rows, [], 'u32')
  expectRows('tokenLoss', losses, rows, [])
  expectRows('tokenLoss', bestIds, rows, [], 'u32')
  const kernel = recorder.gpu.kernel('token-loss', { LANES: rowLanes(recorder.gpu, 'token-loss', 256) })
  recorder.dispatch(kernel, { logits, targets, losses, best_ids: bestIds }, { width, vocabulary }, [rows])
}
