import { join, relative } from 'node:path'
import { InputError } from '../errors.js'
import { quote } from '../quote.js'
import { firstThere, modelFolder, statIfThere } from './model-folder.js'
import { openSafetensors, type SafetensorsFile, type TensorInfo, type TensorReader } from './safetensors.js'
import { openShards } from './shards.js'
import { readJsonFile } from './text-file.js'

export const WEIGHTS = 'model.safetensors'
export const INDEX = 'model.safetensors.index.json'
/** Where a folder holds weights as torch writes them. */
export const TORCH_WEIGHTS = ['pytorch_model.bin', 'pytorch_model.bin.index.json'] as const

/**
 * Opens a model folder, found by {@link modelFolder}: config.json, and the weights in model.safetensors or, when they are
 * sharded, in the files that model.safetensors.index.json names. Tensors stay on disk until they are asked for.
 *
 * @throws InputError when the folder or a file is missing or damaged, or the index and the shards disagree
 */
export async function openCheckpoint(path: string): Promise<Checkpoint> {
  const folder = await modelFolder(path)
  const configFile = join(folder, 'config.json')
  if (!(await statIfThere(configFile))) throw new InputError(`${folder}: has no config.json; a model folder holds one`)
  const config = await readJsonFile(configFile)

  if (await statIfThere(join(folder, WEIGHTS))) {
    return new Checkpoint(folder, configFile, config, [await openSafetensors(join(folder, WEIGHTS))])
  }
  if (await statIfThere(join(folder, INDEX))) {
    return new Checkpoint(folder, configFile, config, await openShards(join(folder, INDEX), openSafetensors))
  }
  const pickled = await firstThere(TORCH_WEIGHTS.map((name) => join(folder, name)))
  const advice = pickled ? `misc convert ${folder} OUT makes one that does` : 'a model folder holds one of them'
  throw new InputError(`${folder}: has neither ${WEIGHTS} nor ${INDEX}; ${advice}`)
}

/** An open model folder. Made by {@link openCheckpoint}. */
export class Checkpoint implements TensorReader {
  readonly tensors: ReadonlyMap<string, TensorInfo>
  readonly #files: ReadonlyMap<string, SafetensorsFile>

  /** @internal */
  constructor(
    readonly folder: string,
    readonly configFile: string,
    /** config.json, parsed and not checked: see `parseConfig`. */
    readonly config: unknown,
    private readonly shards: readonly SafetensorsFile[],
  ) {
    this.tensors = new Map(shards.flatMap((shard) => [...shard.tensors]))
    this.#files = new Map(shards.flatMap((shard) => [...shard.tensors.keys()].map((name) => [name, shard] as const)))
  }

  /** The weight files, relative to the folder. */
  get files(): string[] {
    return this.shards.map((shard) => relative(this.folder, shard.path))
  }

  readBytes(name: string) {
    return this.#file(name).readBytes(name)
  }

  readF32Into(name: string, start: number, target: Float32Array<ArrayBuffer>) {
    return this.#file(name).readF32Into(name, start, target)
  }

  readF32(name: string) {
    return this.#file(name).readF32(name)
  }

  readI64(name: string) {
    return this.#file(name).readI64(name)
  }

  async close(): Promise<void> {
    await Promise.all(this.shards.map((shard) => shard.close()))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #file(name: string): SafetensorsFile {
    const file = this.#files.get(name)
    if (file) return file
    throw new InputError(`${this.folder}: holds no tensor ${quote(name)}; misc inspect lists what a model holds`)
  }
}
