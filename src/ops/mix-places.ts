import type { Recorder } from '../gpu/recorder.js'
import { expectRows, type Tensor } from '../gpu/tensor.js'
import { type Choices, expectChoices } from './choices.js'

/** Tensors of {@link mixPlaces}. Both may have more rows than are computed. */
export interface MixPlacesTensors {
  /** [rows, places · d] */
  readonly x: Tensor
  /** [rows, d] */
  readonly out: Tensor
}

/**
 * out = Σ share · x over the places of each row. What lies at a place of share 0 is not looked at.
 *
 * @throws ShapeError
 */
export function mixPlaces(recorder: Recorder, { x, out }: MixPlacesTensors, choices: Choices, rows: number): void {
  expectRows('mixPlaces', out, rows, ['d'])
  const d = out.shape[1]!
  const places = expectChoices('mixPlaces', choices, rows)
  expectRows('mixPlaces', x, rows, [places * d])
  const bindings = { x, out, choices: choices.table, slots: choices.slots }
  const params = { d, places, new_rows: choices.newRows }
  recorder.dispatch(recorder.gpu.kernel('mix-places'), bindings, params, [Math.ceil(d / 64), rows])
}
