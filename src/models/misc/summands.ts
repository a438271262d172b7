import { reshaped, type Tensor } from '../../gpu/tensor.js'
import type { Pass } from '../../nn/pass.js'
import { project } from '../../nn/rows.js'
import { copyRows } from '../../ops/copy-rows.js'
import type { MiscWeights } from './layout.js'

/** Sources that have rows of their own: context, post and situation, side by side in a layer's attention. */
export const attendedSources = 3

/**
 * Records the summands that context, post and situation give in a decoder layer, biases included (eq. 7): the product that
 * adds them up is made of each source alone. The fourth, the strategy's, is what of {@link MiscCache.strategy} is not their biases.
 *
 * @param attended the attention's outputs side by side [rows, 3 · d], as the stage `decoder.cross_attended.i` has them
 * @param apart [3 · rows, 3 · d], zero but for what another layer has left: each source's columns in rows of their own
 * @returns [3 · rows, d], source after source
 */
export function crossSummands(
  pass: Pass<MiscWeights>,
  layer: number,
  attended: Tensor,
  apart: Tensor,
  rows: number,
): Tensor {
  const { crossOutput: weight, crossBiases: bias } = pass.weights.decoder.layers[layer]!
  const count = attendedSources * rows
  const d = attended.shape[1]! / attendedSources
  const places = Array.from({ length: count }, (_, i) => ({ source: Math.floor(i / rows), row: i % rows }))
  const upload = (label: string, values: readonly number[]) =>
    pass.scratch.upload(label, [count], Uint32Array.from(values))
  const parts = {
    source: reshaped(attended, [count, d]),
    from: upload(
      'summands.from',
      places.map(({ source, row }) => row * attendedSources + source),
    ),
    target: reshaped(apart, [count * attendedSources, d]),
    to: upload(
      'summands.to',
      places.map(({ source }, i) => i * attendedSources + source),
    ),
  }
  copyRows(pass.recorder, parts, count)
  return project(pass, 'summands', { x: apart, count }, { weight, bias, biasOf: { rows, column: 0 } }).x
}
