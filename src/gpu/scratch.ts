import type { Gpu } from './gpu.js'
import type { DType, Tensor } from './tensor.js'

/**
 * Working memory by role: a role's tensor is kept from call to call and only ever grows. One recording may use a role
 * many times, one use after the other; two recordings that share it must be submitted in the order they were made. What
 * there was no memory for is made again when it is next asked for.
 */
export class Scratch {
  readonly #roles = new Map<string, Tensor>()
  /** Outgrown tensors and uploads: still named by a recording that is not submitted yet. */
  #retired: Tensor[] = []

  /** @param leastRows rows that a role has from the start: enough for every call, and nothing is made again. */
  constructor(
    readonly gpu: Gpu,
    readonly leastRows = 1,
  ) {}

  /** The role's tensor, of at least `rows` rows of this width. Its content is undefined. */
  rows(role: string, rows: number, width: number, dtype: DType = 'f32'): Tensor {
    const current = this.#roles.get(role)
    if (
      current &&
      this.gpu.holds(current) &&
      current.shape[0]! >= rows &&
      current.shape[1] === width &&
      current.dtype === dtype
    ) {
      return current
    }
    if (current) this.retire(current)
    // Powers of two, so that a slowly growing dialogue does not allocate at every turn.
    const most = rows <= this.leastRows ? this.leastRows : 2 ** Math.ceil(Math.log2(rows))
    const tensor = this.gpu.tensor(role, [most, width], dtype)
    this.#roles.set(role, tensor)
    return tensor
  }

  /** A tensor with these values, for one recording. */
  upload(label: string, shape: readonly number[], data: Uint32Array | Float32Array): Tensor {
    const tensor = this.gpu.tensorFrom(label, shape, data)
    this.retire(tensor)
    return tensor
  }

  /** Frees a tensor at the next {@link release}: a recording still names it. */
  retire(tensor: Tensor): void {
    this.#retired.push(tensor)
  }

  /** Frees everything. */
  dispose(): void {
    this.release()
    this.gpu.free(...this.#roles.values())
    this.#roles.clear()
  }

  /** Frees outgrown tensors and uploads: call it once the recordings made so far are submitted. */
  release(): void {
    this.gpu.free(...this.#retired)
    this.#retired = []
  }
}
