import type { Recorder } from '../gpu/recorder.js'
import { expectShape, type Tensor } from '../gpu/tensor.js'
import { type Choices, expectChoices, placesOf } from './choices.js'
import { rowLanes } from './row-lanes.js'

/** Tensors of {@link layerNorm}; d is the model width. */
export interface LayerNormTensors {
  /** [rows, d] */
  readonly x: Tensor
  /** [rows, d], added to x before the norm. */
  readonly residual?: Tensor
  /** [d] */
  readonly weight: Tensor
  /** [d] */
  readonly bias: Tensor
  /** [rows, d]; another tensor than x and residual. */
  readonly out: Tensor
}

/** How {@link layerNorm} does it. */
export interface LayerNormOptions {
  /** Added to the variance: 1e-5 (the default) in the backbone, 1e-8 in the released fusion; or to σ. */
  readonly eps?: number
  /** What centred rows are divided by: √(variance + eps), which is the default, or σ + eps with the sample's σ, of d − 1. */
  readonly by?: 'variance' | 'sample deviation'
}

/** @internal Where no other is named. */
export const defaultEps = 1e-5

/** @internal The constant SAMPLE of shaders that norm. */
export const bySample = ({ by }: LayerNormOptions): 0 | 1 => (by === 'sample deviation' ? 1 : 0)

/**
 * out = LN(x + residual), over the first `rows` rows.
 *
 * @throws ShapeError
 */
export function layerNorm(
  recorder: Recorder,
  tensors: LayerNormTensors,
  rows: number,
  options: LayerNormOptions = {},
): void {
  const { x, residual, weight, bias, out } = tensors
  const d = weight.shape[0]!
  for (const tensor of residual ? [x, residual, out] : [x, out]) expectShape('layerNorm', tensor, ['rows', d])
  expectShape('layerNorm', bias, [d])
  record(recorder, tensors, [rows, d], { places: 1, x_places: 1, new_rows: 1 }, options)
}

/** Tensors of {@link chosenLayerNorm}; L is the number of layers to choose from. */
export interface ChosenLayerNormTensors {
  /** [rows, d], the same for all places; or [rows, places · d] */
  readonly x: Tensor
  /** [L, d] */
  readonly weight: Tensor
  /** [L, d] */
  readonly bias: Tensor
  /** [rows, places · d]; another tensor than x. */
  readonly out: Tensor
}

/**
 * out = LN(x) at each place, by the norm of the layer that is chosen for it, over the first `rows` rows.
 *
 * @throws ShapeError
 */
export function chosenLayerNorm(
  recorder: Recorder,
  tensors: ChosenLayerNormTensors,
  choices: Choices,
  rows: number,
  options: LayerNormOptions = {},
): void {
  const { x, weight, bias, out } = tensors
  expectShape('layerNorm', weight, ['L', 'd'])
  expectShape('layerNorm', bias, weight.shape)
  const d = weight.shape[1]!
  const places = expectChoices('layerNorm', choices, rows)
  const x_places = placesOf('layerNorm', x, rows, d, places)
  expectShape('layerNorm', out, ['rows', places * d])
  record(recorder, tensors, [rows, d], { places, x_places, new_rows: choices.newRows }, options, choices)
}

function record(
  recorder: Recorder,
  { x, residual, weight, bias, out }: LayerNormTensors,
  [rows, d]: readonly [rows: number, d: number],
  places: { places: number; x_places: number; new_rows: number },
  options: LayerNormOptions,
  choices?: Choices,
): void {
  const { gpu } = recorder
  const constants = { SAMPLE: bySample(options), CHOSEN: choices ? 1 : 0 }
  const kernel = gpu.kernel('layer-norm', { LANES: rowLanes(gpu, 'layer-norm', 64), ...constants })
  const params = { d, has_residual: residual ? 1 : 0, eps: options.eps ?? defaultEps, ...places }
  const bindings = { x, residual, weight, bias, choices: choices?.table, slots: choices?.slots, out }
  recorder.dispatch(kernel, bindings, params, [rows, places.places])
}
