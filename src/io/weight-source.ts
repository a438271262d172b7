import { join } from 'node:path'
import { InputError } from '../errors.js'
import { quote } from '../quote.js'
import { BinaryFile, CHUNK_BYTES } from './binary-file.js'
import { INDEX, TORCH_WEIGHTS, WEIGHTS } from './checkpoint.js'
import { dtypeBits, elementCount } from './dtype.js'
import { firstThere, modelFolder, statIfThere } from './model-folder.js'
import { openSafetensors, type SafetensorsFile, type TensorInfo } from './safetensors.js'
import { openShards } from './shards.js'
import { findStateDict } from './state-dict.js'
import { openTorchFile, torchFormat } from './torch-checkpoint.js'
import type { TorchTensor } from './torch-tensor.js'

/** A tensor whose values are read as they lie in the file, in the order of its elements. */
export interface SourceTensor extends TensorInfo {
  /** Its bytes, {@link CHUNK_BYTES} at a time. A chunk is reused for the next. */
  chunks(): AsyncIterable<Uint8Array<ArrayBuffer>>
  /** What it is a view of, where that can be told. */
  readonly view?: TorchTensor
}

/** Open weights, in whatever files and format they came. Made by {@link openWeights}. */
export interface WeightSource extends AsyncDisposable {
  /** The files of weights. */
  readonly files: readonly string[]
  /** By the names that the files give them. */
  readonly tensors: ReadonlyMap<string, SourceTensor>
  /** What lies beside the tensors and is none. */
  readonly ignored: readonly string[]
}

/**
 * Opens weights: a file of safetensors or of torch.save, an index of several, or a model's folder with one of them.
 *
 * @param stateDict which dict of a file of torch.save, where it holds several
 * @throws InputError when there are none, or a file is damaged, refused or beyond a limit
 */
export async function openWeights(path: string, stateDict?: string): Promise<WeightSource> {
  const file = (await statIfThere(path))?.isDirectory() ? await weightsIn(await modelFolder(path)) : path
  const open = (path: string) => openFile(path, stateDict)
  return file.endsWith('.index.json') ? new Shards(await openShards(file, open)) : open(file)
}

async function weightsIn(folder: string): Promise<string> {
  const names = [WEIGHTS, INDEX, ...TORCH_WEIGHTS]
  const found = await firstThere(names.map((name) => join(folder, name)))
  if (found) return found
  throw new InputError(`${folder}: has none of ${names.join(', ')}; give the file of weights itself`)
}

async function openFile(path: string, stateDict: string | undefined): Promise<WeightFile> {
  if (await isTorchFile(path)) {
    const file = await openTorchFile(path)
    try {
      const { tensors, ignored } = findStateDict(file.value, path, stateDict)
      return new WeightFile(path, file, new Map([...tensors].map((entry) => [entry[0], ofTorch(...entry)])), ignored)
    } catch (error) {
      await file.close()
      throw error
    }
  }
  if (stateDict !== undefined) {
    throw new InputError(`${path}: is safetensors, which holds no dict ${quote(stateDict)}; leave --state-dict out`)
  }
  const file = await openSafetensors(path)
  const tensors = [...file.tensors.values()].map((info) => [info.name, ofSafetensors(file, info)] as const)
  return new WeightFile(path, file, new Map(tensors), [])
}

/** All that does not begin as safetensors do is torch's to read, or to say what it is. */
async function isTorchFile(path: string): Promise<boolean> {
  await using file = await BinaryFile.open(path)
  const head = new Uint8Array(Math.min(9, file.size))
  await file.readInto(head, 0)
  return torchFormat(head) !== undefined || head[8] !== '{'.charCodeAt(0)
}

function ofTorch(name: string, tensor: TorchTensor): SourceTensor {
  const { dtype, shape } = tensor
  return { name, dtype, shape, view: tensor, chunks: () => tensor.chunks() }
}

function ofSafetensors(file: SafetensorsFile, { name, dtype, shape }: TensorInfo): SourceTensor {
  const total = (elementCount(shape) * dtypeBits(dtype)) / 8
  async function* chunks() {
    const chunk = new Uint8Array(Math.min(CHUNK_BYTES, total))
    for (let done = 0; done < total; done += chunk.length) {
      const part = chunk.subarray(0, Math.min(chunk.length, total - done))
      await file.readBytesInto(name, done, part)
      yield part
    }
  }
  return { name, dtype, shape, chunks }
}

class WeightFile implements WeightSource {
  constructor(
    readonly path: string,
    private readonly file: AsyncDisposable,
    readonly tensors: ReadonlyMap<string, SourceTensor>,
    readonly ignored: readonly string[],
  ) {}

  get files(): string[] {
    return [this.path]
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.file[Symbol.asyncDispose]()
  }
}

class Shards implements WeightSource {
  readonly tensors: ReadonlyMap<string, SourceTensor>

  constructor(private readonly shards: readonly WeightFile[]) {
    this.tensors = new Map(shards.flatMap((shard) => [...shard.tensors]))
  }

  get files(): string[] {
    return this.shards.flatMap((shard) => shard.files)
  }

  get ignored(): string[] {
    return this.shards.flatMap((shard) => shard.ignored)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.shards.map((shard) => shard[Symbol.asyncDispose]()))
  }
}

/** Whether two tensors hold the same bytes. Their dtypes and shapes are compared first. */
export async function sameValues(a: SourceTensor, b: SourceTensor): Promise<boolean> {
  if (a.dtype !== b.dtype || a.shape.join() !== b.shape.join()) return false
  if (a.view && b.view?.isSameAs(a.view)) return true
  const others = b.chunks()[Symbol.asyncIterator]()
  for await (const chunk of a.chunks()) {
    const { value } = await others.next()
    if (!value || Buffer.compare(chunk, value) !== 0) return false
  }
  return true
}
