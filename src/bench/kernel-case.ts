import type { Recorder } from '../gpu/recorder.js'
import type { Tensor } from '../gpu/tensor.js'
import { writeWeights } from '../gpu/weight-format.js'
import { randomValues } from '../random-values.js'
import type { MiscRig } from './misc-rig.js'

/** One op at one shape of a model, to be recorded with any of its kernels. */
export interface KernelCase {
  /** What the tuner calls the op. */
  readonly op: string
  readonly shape: string
  /** Of one dispatch; 0 where products and attention have no part in it. */
  readonly flops: number
  /** What one dispatch must read and write at least. */
  readonly bytes: number
  /** Layers that {@link record} knows: each has weights or caches of its own, so that no cache keeps them, as in a step. */
  readonly layers: number
  record(recorder: Recorder, layer: number): void
  /** Called before every submission. */
  prepare?(): void
}

/** Makes a case when its turn comes, so that only one has tensors of its own. */
export type KernelCaseMaker = (rig: MiscRig, tensors: CaseTensors) => KernelCase

/** Inputs and outputs of a case, of random values, freed together. */
export class CaseTensors {
  readonly #made: Tensor[] = []

  constructor(readonly rig: MiscRig) {}

  random(label: string, ...shape: number[]): Tensor {
    const length = shape.reduce((a, b) => a * b, 1)
    return this.of(label, shape, randomValues(this.rig.workload.seed, length))
  }

  /** A weight, as models have it on the GPU. */
  matrix(label: string, n: number, k: number): Tensor {
    const tensor = this.rig.gpu.matrix(label, [n, k])
    writeWeights(this.rig.gpu, tensor, randomValues(this.rig.workload.seed, n * k))
    this.#made.push(tensor)
    return tensor
  }

  of(label: string, shape: readonly number[], values: Float32Array | Uint32Array): Tensor {
    const tensor = this.rig.gpu.tensorFrom(label, shape, values)
    this.#made.push(tensor)
    return tensor
  }

  free(): void {
    this.rig.gpu.free(...this.#made.splice(0))
  }
}
