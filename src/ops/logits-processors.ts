import type { Recorder } from '../gpu/recorder.js'
import { expectShape, type Tensor } from '../gpu/tensor.js'
import { rowLanes } from './row-lanes.js'
import type { RuleWords } from './rule-words.js'
import type { SamplingRows } from './sampling-rows.js'

/**
 * Runs the score processors on the first `count` rows of logits, in place, as `processScores` of generation/processors.ts
 * does. A forbidden id scores the lowest f32. Rows that have ended are left alone.
 *
 * @param logits f32 [rows, V], all ids of the rules below V
 * @throws ShapeError
 */
export function logitsProcessors(
  recorder: Recorder,
  logits: Tensor,
  { settings, state, history }: SamplingRows,
  { words, ends, runs, rules }: RuleWords,
  count: number,
): void {
  expectShape('logitsProcessors', logits, ['rows', 'V'])
  recorder.dispatch(
    recorder.gpu.kernel('logits-processors', { LANES: rowLanes(recorder.gpu, 'logits-processors', 64) }),
    { logits, settings, state, history, rules: words },
    {
      vocab: logits.shape[1]!,
      capacity: history.shape[1]!,
      first_added: rules.firstAddedId,
      eos: ends.eos,
      forced_first: ends.forced_first,
      forced_last: ends.forced_last,
      forbidden_first: ends.forbidden_first,
      openings: ends.openings,
      runs,
    },
    [count],
  )
}
