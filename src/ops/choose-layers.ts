import { ShapeError } from '../errors.js'
import type { Recorder } from '../gpu/recorder.js'
import { expectRows, expectShape, type Tensor } from '../gpu/tensor.js'

/** Tensors of {@link chooseLayers}; L is the number of layers to choose from. All may have more rows than sequences. */
export interface ChooseLayersTensors {
  /** [sequences, L] */
  readonly logits: Tensor
  /** u32 [sequences], no two alike: where in the table the choices of each go. */
  readonly slots: Tensor
  /** u32 [slots, places, 2], as {@link Choices} has it; places is `most`, or one more. */
  readonly table: Tensor
  /** [sequences, L]: softmax over the chosen ones, 0 for all others. */
  readonly weights: Tensor
}

/** How {@link chooseLayers} does it. */
export interface ChooseLayersOptions {
  readonly sequences: number
  /** So many layers are chosen, at most L; first ones first where logits are equal. */
  readonly most: number
  /** A layer whose weight is not above it has share 0, the others keep theirs. */
  readonly least: number
}

/**
 * Chooses the layers of the largest logits, shared by their softmax. Where the table has a place more, each sequence goes
 * through layer L, behind those to choose from, with share 1.
 *
 * @throws ShapeError
 */
export function chooseLayers(
  recorder: Recorder,
  { logits, slots, table, weights }: ChooseLayersTensors,
  { sequences, most, least }: ChooseLayersOptions,
): void {
  expectRows('chooseLayers', logits, sequences, ['L'])
  const layers = logits.shape[1]!
  expectRows('chooseLayers', slots, sequences, [], 'u32')
  expectShape('chooseLayers', table, ['slots', 'places', 2], 'u32')
  expectRows('chooseLayers', weights, sequences, [layers])
  const places = table.shape[1]!
  if (most > layers || (places !== most && places !== most + 1)) {
    throw new ShapeError(`chooseLayers: ${most} of ${layers} layers do not fit ${places} places of ${table.label}`)
  }
  const params = { sequences, layers, most, places, least }
  const kernel = recorder.gpu.kernel('choose-layers')
  recorder.dispatch(kernel, { logits, slots, choices: table, weights }, params, [Math.ceil(sequences / 64)])
}
