import type { Recorder } from '../gpu/recorder.js'
import { expectShape, type Tensor } from '../gpu/tensor.js'
import { rowLanes } from './row-lanes.js'
import type { SamplingRows } from './sampling-rows.js'

/**
 * Runs the score processors on the first `count` rows of logits, in place: repetition penalty, no-repeat n-gram, least
 * length, and no added ids. A forbidden id scores the lowest f32. Rows that have ended are left alone.
 *
 * @param logits f32 [rows, V]
 * @param vocabulary ids from `firstAddedId` on are never part of a reply
 * @throws ShapeError
 */
export function logitsProcessors(
  recorder: Recorder,
  logits: Tensor,
  { settings, state, history }: SamplingRows,
  vocabulary: { readonly firstAddedId: number; readonly eosId: number },
  count: number,
): void {
  expectShape('logitsProcessors', logits, ['rows', 'V'])
  recorder.dispatch(
    recorder.gpu.kernel('logits-processors', { LANES: rowLanes(recorder.gpu, 'logits-processors', 64) }),
    { logits, settings, state, history },
    {
      vocab: logits.shape[1]!,
      capacity: history.shape[1]!,
      first_added: vocabulary.firstAddedId,
      eos: vocabulary.eosId,
    },
    [count],
  )
}
