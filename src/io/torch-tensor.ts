import { type ByteSource, CHUNK_BYTES } from './binary-file.js'
import type { Dtype } from './dtype.js'
import { dtypeBits, elementCount } from './dtype.js'
import { PickleObject } from './pickle.js'

/** The memory that tensors of a checkpoint lie in, one or several. */
export class TorchStorage extends PickleObject {
  /** Where its bytes are: set once the file says so. */
  bytes: ByteSource | undefined

  constructor(
    readonly key: string,
    /** Of its elements; undefined where only the tensors in it say. */
    readonly dtype: Dtype | undefined,
    readonly byteLength: number,
  ) {
    super()
  }
}

/** A part of a storage that is used as a storage of its own, as torch wrote some before 1.0. */
export class TorchStoragePart extends PickleObject {
  constructor(
    readonly storage: TorchStorage,
    readonly firstElement: number,
    readonly elements: number,
  ) {
    super()
  }
}

/** A tensor: a view of a storage. */
export class TorchTensor extends PickleObject {
  constructor(
    readonly storage: TorchStorage,
    readonly dtype: Dtype,
    readonly shape: readonly number[],
    /** In elements. */
    readonly strides: readonly number[],
    /** Its first element's place in the storage, in elements. */
    readonly offset: number,
  ) {
    super()
  }

  get byteLength(): number {
    return elementCount(this.shape) * this.#elementBytes
  }

  /** Whether another is the same view of the same storage. */
  isSameAs(other: TorchTensor): boolean {
    const view = ({ dtype, shape, strides, offset }: TorchTensor) =>
      [dtype, offset, shape.join(), strides.join()].join()
    return this.storage === other.storage && view(this) === view(other)
  }

  /** Its bytes in order of its elements, {@link CHUNK_BYTES} at a time. A chunk is reused for the next. */
  async *chunks(): AsyncGenerator<Uint8Array<ArrayBuffer>, void, void> {
    if (this.byteLength === 0) return
    const rest = this.byteLength
    const chunk = new Uint8Array(Math.min(rest, CHUNK_BYTES))
    const fill = this.#isContiguous ? this.#reader() : await this.#gatherer()
    for (let done = 0; done < rest; done += chunk.length) {
      const part = chunk.subarray(0, Math.min(chunk.length, rest - done))
      await fill(part, done)
      yield part
    }
  }

  get #elementBytes(): number {
    return dtypeBits(this.dtype) / 8
  }

  get #isContiguous(): boolean {
    let expected = 1
    for (let axis = this.shape.length - 1; axis >= 0; axis--) {
      if (this.shape[axis] !== 1 && this.strides[axis] !== expected) return false
      expected *= this.shape[axis]!
    }
    return true
  }

  #reader() {
    const start = this.offset * this.#elementBytes
    return (target: Uint8Array, done: number) => this.storage.bytes!.readInto(target, start + done)
  }

  /** Strides in any order: all that the view spans is held in memory, and elements are picked from there. */
  async #gatherer() {
    const last = this.shape.reduce((sum, size, axis) => sum + (size - 1) * this.strides[axis]!, 0)
    const span = new Uint8Array((last + 1) * this.#elementBytes)
    await this.storage.bytes!.readInto(span, this.offset * this.#elementBytes)
    // Elements are copied as whole numbers: as floats, some NaNs would change.
    const wordBytes = Math.min(4, this.#elementBytes)
    const words = this.#elementBytes / wordBytes
    const Words = wordBytes === 4 ? Uint32Array : wordBytes === 2 ? Uint16Array : Uint8Array
    const from = new Words(span.buffer)
    const { shape, strides } = this
    const index = new Array<number>(shape.length).fill(0)
    let element = 0
    return async (target: Uint8Array<ArrayBuffer>) => {
      const to = new Words(target.buffer, 0, target.length / wordBytes)
      for (let at = 0; at < to.length; at += words) {
        for (let word = 0; word < words; word++) to[at + word] = from[element * words + word]!
        for (let axis = shape.length - 1; axis >= 0; axis--) {
          element += strides[axis]!
          if (++index[axis]! < shape[axis]!) break
          element -= strides[axis]! * shape[axis]!
          index[axis] = 0
        }
      }
    }
  }
}
