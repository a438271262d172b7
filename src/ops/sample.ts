import { ShapeError } from '../errors.js'
import type { Recorder } from '../gpu/recorder.js'
import { expectShape, type Tensor } from '../gpu/tensor.js'
import { rowLanes } from './row-lanes.js'
import type { RuleWords } from './rule-words.js'
import type { SamplingRows } from './sampling-rows.js'

/** Sums of the draw's weights are exact up to this many ids. */
const MAX_VOCABULARY = 2 ** 16

/**
 * Draws the next id of the first `count` rows, each with its own options, writes it to `ids` and appends it to the row's
 * history: the next decode step can be submitted without reading anything back. A row that draws an id which ends a reply,
 * or reaches its longest length, ends; one fails that has a logit of +∞ or NaN, or none above the lowest f32.
 *
 * @param logits f32 [rows, V], V at most 65536; as {@link logitsProcessors} left them.
 * @throws ShapeError
 */
export function sample(
  recorder: Recorder,
  logits: Tensor,
  { settings, state, history, ids, lengths, positions }: SamplingRows,
  { words, ends, rules }: RuleWords,
  count: number,
): void {
  expectShape('sample', logits, ['rows', 'V'])
  const vocab = logits.shape[1]!
  if (vocab > MAX_VOCABULARY)
    throw new ShapeError(`sample: ${logits.label} has ${vocab} ids, at most ${MAX_VOCABULARY}`)
  recorder.dispatch(
    recorder.gpu.kernel('sample', { LANES: rowLanes(recorder.gpu, 'sample', 256) }),
    { logits, settings, state, history, ids, lengths, positions, rules: words },
    { vocab, capacity: history.shape[1]!, eos: ends.eos, pad: rules.padId },
    [count],
  )
}
