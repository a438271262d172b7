import { ShapeError } from '../errors.js'
import type { Recorder } from '../gpu/recorder.js'
import { expectRows, expectShape, type Tensor, weightDtypes } from '../gpu/tensor.js'
import { type Choices, expectChoices, placesOf } from './choices.js'
import { type Activation, activations } from './matmul.js'

/** Tensors of {@link chosenMatmul}; L is the number of layers to choose from. All may have more rows than are computed. */
export interface ChosenMatmulTensors {
  /** [rows, k], the same for all places; or [rows, places · k] */
  readonly x: Tensor
  /** [L · n, k]: the layers one under the other; f32, f16 or int8. */
  readonly weight: Tensor
  /** [L · n] */
  readonly bias?: Tensor | undefined
  /** [rows, n], the same for all places; or [rows, places · n] */
  readonly residual?: Tensor | undefined
  /** [rows, places · n]; another tensor than the rest. */
  readonly out: Tensor
}

/** How {@link chosenMatmul} does it. */
export interface ChosenMatmulOptions {
  /** L. */
  readonly layers: number
  readonly activation?: Activation | undefined
  /** The n columns are so many parts, as queries, keys and values: a row of out has the first of all places, then the second, … */
  readonly parts?: number
}

/**
 * out = activation(x · weightᵀ + bias) + residual at each place, by the layer that is chosen for it, over the first `rows` rows.
 * A place of share 0 is left as it is: no work is done for it.
 *
 * @throws ShapeError
 */
export function chosenMatmul(
  recorder: Recorder,
  { x, weight, bias, residual, out }: ChosenMatmulTensors,
  choices: Choices,
  rows: number,
  { layers, activation, parts = 1 }: ChosenMatmulOptions,
): void {
  expectShape('chosenMatmul', weight, ['L · n', 'k'], weightDtypes)
  const [all, k] = weight.shape as [number, number]
  const n = all / layers
  if (n % parts !== 0) {
    throw new ShapeError(`chosenMatmul: ${weight.label} has ${all} rows: not ${layers} layers of ${parts} parts each`)
  }
  const places = expectChoices('chosenMatmul', choices, rows)
  const x_places = placesOf('chosenMatmul', x, rows, k, places)
  const residual_places = residual ? placesOf('chosenMatmul', residual, rows, n, places) : 0
  if (bias) expectShape('chosenMatmul', bias, [all])
  expectRows('chosenMatmul', out, rows, [places * n])

  const { gpu } = recorder
  const fours = k % 4 === 0
  // As for gemv.plain: small workgroups spread a narrow output over more cores.
  const lanes = fours && gpu.adapter.software ? 16 : 64
  const kernel = gpu.kernel(fours ? 'chosen-matmul' : 'chosen-matmul.ragged', {
    LANES: lanes,
    ...(weight.dtype !== 'f32' && { weights: weight.dtype }),
    ...(weight.group && { GROUP: weight.group }),
    HAS_SCALE: weight.scale ? 1 : 0,
  })
  const { table, slots, newRows } = choices
  recorder.dispatch(
    kernel,
    { x, weight, bias, residual, out, scale: weight.scale, choices: table, slots },
    {
      ...{ k, n, part: n / parts, places, x_places, residual_places, new_rows: newRows },
      has_bias: bias ? 1 : 0,
      activation: activations[activation ?? 'none'],
    },
    [Math.ceil(n / (fours ? 4 * lanes : lanes)), rows, places],
  )
}
