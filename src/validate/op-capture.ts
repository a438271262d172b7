import type { Gpu } from '../gpu/gpu.js'
import type { RecordedDispatch, Recorder } from '../gpu/recorder.js'
import type { Tensor, TensorPart } from '../gpu/tensor.js'

/** A dispatch, the stage that it is for, and copies of what it read and wrote. */
export interface CapturedOp extends RecordedDispatch {
  /** The stage that is told of next; undefined for what comes after the last. */
  stage: string | undefined
  /** By binding, as they were before it: those that are asked for, but no weights, which nothing changes. */
  readonly inputs: ReadonlyMap<string, Tensor>
  /** By binding, whole new values; elements that it did not write hold {@link unwritten}. */
  readonly outputs: ReadonlyMap<string, Tensor>
}

/** The bits of a NaN that no arithmetic gives. */
export const unwritten = 0x7fc0dead

/** Bindings that hold new values of which none is read before it is written. */
const results = ['out', 'normed', 'final_logits', 'probs']
/** Kernels that move values without making any, or change what is there: they write to caches, at places. */
const movers = /^(copy-rows|split-heads|chosen-output)/

/** Keeps copies of what the dispatches of a recording write, and of some what they read, since later ones reuse the memory. */
export class OpCapture implements Disposable {
  readonly ops: CapturedOp[] = []
  readonly #made: Tensor[] = []
  #blanks: Tensor | undefined

  /** @param detailed whether the dispatch of this number is one whose inputs are kept */
  constructor(
    readonly gpu: Gpu,
    readonly weights: ReadonlySet<GPUBuffer>,
    readonly detailed: (index: number) => boolean = () => false,
  ) {}

  /** Listens to a recorder; the copies are made where the recording runs. */
  observe(recorder: Recorder): void {
    let inputs = new Map<string, Tensor>()
    recorder.observer = {
      before: (dispatch) => {
        inputs = new Map()
        if (this.detailed(this.ops.length)) {
          for (const [binding, { tensor }] of Object.entries(dispatch.parts)) {
            if (!this.weights.has(tensor.buffer)) inputs.set(binding, this.#copy(recorder, tensor))
          }
        }
        for (const [, part] of resultsOf(dispatch)) this.#blank(recorder, part.tensor)
      },
      after: (dispatch) => {
        const outputs = new Map<string, Tensor>()
        for (const [binding, { tensor }] of resultsOf(dispatch)) outputs.set(binding, this.#copy(recorder, tensor))
        this.ops.push({ ...dispatch, stage: undefined, inputs, outputs })
      },
    }
  }

  /** What was recorded since the last stage was for this one. */
  stage(name: string): void {
    for (let i = this.ops.length - 1; i >= 0 && this.ops[i]!.stage === undefined; i--) this.ops[i]!.stage = name
  }

  dispose(): void {
    this.gpu.free(...this.#made, ...(this.#blanks ? [this.#blanks] : []))
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  #copy(recorder: Recorder, tensor: Tensor): Tensor {
    const copy = this.gpu.tensor(tensor.label, tensor.shape, tensor.dtype)
    this.#made.push(copy)
    recorder.copy(tensor, copy, tensor.bytes / 4)
    return copy
  }

  /** Marks a tensor so that what a dispatch writes can be told from what it leaves. */
  #blank(recorder: Recorder, tensor: Tensor): void {
    const count = tensor.bytes / 4
    if (!this.#blanks || this.#blanks.bytes < tensor.bytes) {
      if (this.#blanks) this.#made.push(this.#blanks)
      this.#blanks = this.gpu.tensorFrom('unwritten', [count], new Uint32Array(count).fill(unwritten))
    }
    recorder.copy(this.#blanks, tensor, count)
  }
}

/** Matrices larger than a binding are multiplied part by part, and only the first part finds its result untouched. */
function resultsOf({ kernel, parts }: RecordedDispatch): [string, TensorPart][] {
  if (movers.test(kernel.shader.name) || parts.choices) return []
  return Object.entries(parts).filter(([name, { offset }]) => results.includes(name) && offset === 0)
}

/** The buffers of all tensors in a model's weights. */
export function weightBuffers(weights: unknown, found = new Set<GPUBuffer>()): Set<GPUBuffer> {
  if (typeof weights !== 'object' || weights === null) return found
  if ('buffer' in weights && 'dtype' in weights) found.add(weights.buffer as GPUBuffer)
  for (const value of Object.values(weights)) if (!ArrayBuffer.isView(value)) weightBuffers(value, found)
  return found
}

/** The values that a dispatch wrote. */
export function written(values: Float32Array): Float32Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  return values.filter((_, i) => bits[i] !== unwritten)
}
