import { join, relative, resolve, sep } from 'node:path'
import { InputError } from '../errors.js'
import { quote } from '../quote.js'
import { modelFolder, statIfThere } from './model-folder.js'
import { openSafetensors, type SafetensorsFile, type TensorInfo, type TensorReader } from './safetensors.js'
import { readJsonFile } from './text-file.js'

const WEIGHTS = 'model.safetensors'
const INDEX = 'model.safetensors.index.json'

/** What to do where weights are there as a pickle only, which may hold any code and is not read. */
const CONVERT =
  'in Python: import torch, safetensors.torch; safetensors.torch.save_file({k: v.contiguous().clone() for k, v in ' +
  "torch.load('pytorch_model.bin', map_location='cpu', weights_only=True).items()}, 'model.safetensors')"

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
    return new Checkpoint(folder, configFile, config, await openShards(folder))
  }
  const pickled = await statIfThere(join(folder, 'pytorch_model.bin'))
  const advice = pickled ? `convert its pytorch_model.bin, ${CONVERT}` : 'a model folder holds one of them'
  throw new InputError(`${folder}: has neither ${WEIGHTS} nor ${INDEX}; ${advice}`)
}

async function openShards(folder: string): Promise<SafetensorsFile[]> {
  const index = join(folder, INDEX)
  const places = weightMap(await readJsonFile(index), index)
  const shards: SafetensorsFile[] = []
  try {
    for (const shard of new Set(places.values())) {
      const path = resolve(folder, shard)
      if (!path.startsWith(resolve(folder) + sep)) {
        throw new InputError(`${index}: names the shard ${quote(shard)}, which lies outside the folder`)
      }
      const file = await openSafetensors(path)
      shards.push(file)
      for (const name of file.tensors.keys()) {
        if (places.get(name) === shard) continue
        const place = places.has(name) ? `puts it in ${quote(places.get(name)!)}` : 'does not list it'
        throw new InputError(`${path}: holds tensor ${quote(name)}, but ${INDEX} ${place}; get all files anew`)
      }
      for (const [name, place] of places) {
        if (place !== shard || file.tensors.has(name)) continue
        throw new InputError(`${path}: lacks tensor ${quote(name)}, which ${INDEX} puts there; get all files anew`)
      }
    }
  } catch (error) {
    await Promise.all(shards.map((shard) => shard.close()))
    throw error
  }
  return shards
}

/** The shard of every tensor, as the index says. */
function weightMap(json: unknown, index: string): Map<string, string> {
  const map = (json as { weight_map?: unknown } | null)?.weight_map
  if (typeof map !== 'object' || map === null || Array.isArray(map)) {
    throw new InputError(`${index}: has no weight_map object; get the file anew`)
  }
  for (const [name, shard] of Object.entries(map)) {
    if (typeof shard !== 'string') throw new InputError(`${index}: the shard of tensor ${quote(name)} is not a string`)
  }
  return new Map(Object.entries(map as Record<string, string>))
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
