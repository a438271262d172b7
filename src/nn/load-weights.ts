import type { Gpu } from '../gpu/gpu.js'
import { Staging } from '../gpu/staging.js'
import type { Tensor } from '../gpu/tensor.js'
import { sizeOf, type WeightDtype } from '../gpu/tensor.js'
import { roomFor } from '../gpu/weight-format.js'
import type { TensorReader } from '../io/safetensors.js'
import type { CheckedTensors } from './check-tensors.js'
import { type Loaded, layoutsOf, mapLayout, type TensorLayout } from './layout.js'

/** Elements that are read at a time, about: most matrices of the base model fit, whole. */
const loadElements = 2 ** 20

/** Loads on their way at a time. Each takes host memory for itself, twice: as it is read, and as the GPU copies it. */
const loadsAtOnce = 3

/** Called while weights load. */
export interface LoadEvents<Weights> {
  /** With bytes read so far and in all. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined
  /** When the tensors are made and not yet filled. */
  readonly onTensors?: ((weights: Weights) => void) | undefined
}

/**
 * Reads a checked checkpoint into GPU tensors, stacked as a layout says. Tensors stream through host memory, a few
 * loads of some MiB at a time. On the way matrices are converted to the dtype that is asked for and laid out as the adapter
 * reads them fastest.
 */
export async function loadWeights<Layout>(
  gpu: Gpu,
  reader: Pick<TensorReader, 'readF32Into'>,
  { used }: CheckedTensors,
  layout: Layout,
  dtype: WeightDtype,
  { onProgress, onTensors }: LoadEvents<Loaded<Layout>> = {},
): Promise<Loaded<Layout>> {
  const loader = new WeightLoader(gpu, reader, used)
  const weights = mapLayout(layout, (it) => loader.add(it, dtype))
  onTensors?.(weights)
  await loader.run(onProgress)
  return weights
}

/** The smallest format that holds a checkpoint's matrices as they are: f16 where its files have all of them so, else f32. */
export function storedDtype({ used }: CheckedTensors, layout: unknown): WeightDtype {
  const matrices = layoutsOf(layout).filter((it) => it.isMatrix)
  const inHalves = matrices.every(({ parts }) => parts.every(({ name }) => used.get(name)!.dtype === 'F16'))
  return inHalves ? 'f16' : 'f32'
}

/** Elements of a tensor that are read, converted and copied together. */
interface Piece {
  readonly tensor: Tensor
  readonly start: number
  readonly elements: number
  /** Elements of room that they take in host memory. */
  readonly room: number
  /** Fills memory with their values. */
  readonly read: (values: Float32Array<ArrayBuffer>) => Promise<unknown>
}

/** A tensor of the checkpoint, by its name in the file. */
interface Source {
  readonly name: string
  readonly shape: readonly number[]
  /** The first element that is read. */
  readonly first: number
}

/** Allocates tensors as layouts come, and fills them when it runs. */
class WeightLoader {
  readonly #pieces: Piece[] = []

  constructor(
    readonly gpu: Gpu,
    readonly reader: Pick<TensorReader, 'readF32Into'>,
    readonly used: CheckedTensors['used'],
  ) {}

  add(layout: TensorLayout, ofWeights: WeightDtype): Tensor {
    const { label, shape, parts, stacking, room } = layout
    const tensor = layout.isMatrix
      ? this.gpu.matrix(label, [shape[0]!, shape[1]!], layout.dtype(ofWeights))
      : this.gpu.tensor(label, shape)
    const sources = parts.map(({ name, shape, firstRow = 0 }) => {
      return { name: this.used.get(name)!.name, shape, first: firstRow * sizeOf(shape.slice(1)) }
    })
    if (stacking === 'transposed') this.#addTransposed(tensor, sources[0]!)
    else if (stacking === 'side by side') this.#addSideBySide(tensor, sources)
    else if (stacking === 'sum') this.#addSum(tensor, sources)
    else if (room) this.#addPadded(tensor, sources, room)
    else this.#addInTurn(tensor, sources)
    return tensor
  }

  /** One after the other, whatever the shape they make. */
  #addInTurn(tensor: Tensor, sources: readonly Source[]): void {
    let end = 0
    const parts = sources.map(({ name, shape, first }) => {
      const start = end
      end += sizeOf(shape)
      return { name, start, end, first }
    })
    this.#cut(tensor, (start, values) =>
      parts
        .filter((part) => part.start < start + values.length && part.end > start)
        .map((part) => {
          const from = Math.max(part.start, start)
          const target = values.subarray(from - start, part.end - start)
          return this.reader.readF32Into(part.name, part.first + from - part.start, target)
        }),
    )
  }

  /** One after the other, each with zeros behind its rows, and behind the last of them, up to the shape of its room. */
  #addPadded(tensor: Tensor, sources: readonly Source[], [height = 0, ...rest]: readonly number[]): void {
    const width = sizeOf(rest)
    this.#cut(tensor, (start, values) => {
      values.fill(0)
      return sources.flatMap(({ name, shape, first }, i) => {
        const own = sizeOf(shape.slice(1))
        const top = i * height
        const [from, to] = [Math.max(top, start / width), Math.min(top + shape[0]!, (start + values.length) / width)]
        if (from >= to) return []
        const target = values.subarray(from * width - start)
        return this.#readApart(name, first + (from - top) * own, [to - from, own], target, width)
      })
    })
  }

  #addSideBySide(tensor: Tensor, sources: readonly Source[]): void {
    const width = tensor.shape[1]!
    this.#cut(tensor, (start, values) => {
      let left = 0
      return sources.map(({ name, shape }) => {
        const columns = shape[1]!
        const target = values.subarray(left)
        left += columns
        return this.#readApart(name, (start / width) * columns, [values.length / width, columns], target, width)
      })
    })
  }

  /** Reads rows that follow each other in the file, and puts them `width` apart. */
  async #readApart(
    name: string,
    start: number,
    [height, columns]: readonly [number, number],
    target: Float32Array,
    width: number,
  ): Promise<void> {
    const rows = new Float32Array(height * columns)
    await this.reader.readF32Into(name, start, rows)
    for (let row = 0; row < height; row++) {
      target.set(rows.subarray(row * columns, (row + 1) * columns), row * width)
    }
  }

  /** Some of its columns become rows: all of the file's rows are read for them, some MiB at a time. */
  #addTransposed(tensor: Tensor, { name, shape, first }: Source): void {
    const [height, width] = shape as [number, number]
    this.#cut(tensor, (start, values) => {
      const [left, columns] = [start / height, values.length / height]
      const read = async () => {
        const rows = new Float32Array(width * Math.min(height, Math.ceil(loadElements / width)))
        for (let top = 0; top < height; top += rows.length / width) {
          const part = rows.subarray(0, width * Math.min(rows.length / width, height - top))
          await this.reader.readF32Into(name, first + top * width, part)
          for (let row = 0; row < part.length / width; row++) {
            const from = row * width + left
            for (let column = 0; column < columns; column++) {
              values[column * height + top + row] = part[from + column]!
            }
          }
        }
      }
      return [read()]
    })
  }

  #addSum(tensor: Tensor, sources: readonly Source[]): void {
    this.#cut(tensor, (start, values) => {
      const add = async () => {
        values.fill(0)
        const part = new Float32Array(values.length)
        for (const { name } of sources) {
          await this.reader.readF32Into(name, start, part)
          for (let i = 0; i < part.length; i++) values[i]! += part[i]!
        }
      }
      return [add()]
    })
  }

  /** Cuts a tensor into pieces of whole rows, and groups of rows, where one is no longer than a piece. */
  #cut(tensor: Tensor, read: (start: number, values: Float32Array<ArrayBuffer>) => Promise<void>[]): void {
    const total = sizeOf(tensor.shape)
    const group = (total / (tensor.shape[0] ?? 1)) * (tensor.group ?? 1)
    const most = group * Math.max(1, Math.floor(loadElements / group))
    for (let start = 0; start < total; start += most) {
      const elements = Math.min(most, total - start)
      const room = roomFor(tensor, elements)
      this.#pieces.push({ tensor, start, elements, room, read: (values) => Promise.all(read(start, values)) })
    }
  }

  /**
   * Fills every tensor added so far, by a few loads at once: while one is read, another is converted and a third copied.
   */
  async run(onProgress?: (done: number, total: number) => void): Promise<void> {
    const largest = Math.max(loadElements, ...this.#pieces.map((it) => it.room))
    const total = this.#pieces.reduce((sum, it) => sum + it.elements * 4, 0)
    const loads = this.#loads(largest)
    let done = 0
    const work = async () => {
      const staging = new Staging(this.gpu, largest * 4)
      const memory = new Float32Array(largest)
      try {
        // A failure in here closes the generator, and so ends it for all.
        for (const pieces of loads) {
          let end = 0
          const uploads = pieces.map((piece) => {
            const at = end
            end += piece.room
            return { ...piece, values: memory.subarray(at, at + piece.elements) }
          })
          await Promise.all(uploads.map(({ read, values }) => read(values)))
          await staging.upload(uploads)
          done += pieces.reduce((sum, it) => sum + it.elements * 4, 0)
          onProgress?.(done, total)
        }
      } finally {
        staging.dispose()
      }
    }
    // When this throws, all have stopped: the files may be closed.
    for (const outcome of await Promise.allSettled(Array.from({ length: loadsAtOnce }, work))) {
      if (outcome.status === 'rejected') throw outcome.reason
    }
  }

  /** Pieces that lie together in a load. */
  *#loads(most: number): Generator<Piece[], void, void> {
    let [load, room]: [Piece[], number] = [[], 0]
    for (const piece of this.#pieces) {
      if (room + piece.room > most) {
        yield load
        load = []
        room = 0
      }
      load.push(piece)
      room += piece.room
    }
    if (load.length > 0) yield load
  }
}
