import { dirname, relative, resolve, sep } from 'node:path'
import { InputError } from '../errors.js'
import { quote } from '../quote.js'
import { readJsonFile } from './text-file.js'

/** A file with some of a checkpoint's tensors. */
export interface Shard extends AsyncDisposable {
  readonly path: string
  readonly tensors: ReadonlyMap<string, unknown>
}

/**
 * Opens the files that an index names, which lie beside it or in folders there.
 *
 * @param index path of a `….index.json`
 * @param open opens one of them
 * @throws InputError when the index and the shards disagree, or a shard lies elsewhere; those that were opened are closed
 */
export async function openShards<T extends Shard>(index: string, open: (path: string) => Promise<T>): Promise<T[]> {
  const folder = resolve(dirname(index))
  const places = weightMap(await readJsonFile(index), index)
  const shards: T[] = []
  try {
    for (const name of new Set(places.values())) {
      const path = resolve(folder, name)
      if (!path.startsWith(folder + sep)) {
        throw new InputError(`${index}: names the shard ${quote(name)}, which lies outside the folder`)
      }
      const shard = await open(path)
      shards.push(shard)
      checkShard(shard, name, places, relative(folder, resolve(index)))
    }
  } catch (error) {
    await Promise.all(shards.map((shard) => shard[Symbol.asyncDispose]()))
    throw error
  }
  return shards
}

function checkShard({ path, tensors }: Shard, shard: string, places: ReadonlyMap<string, string>, index: string): void {
  for (const name of tensors.keys()) {
    if (places.get(name) === shard) continue
    const place = places.has(name) ? `puts it in ${quote(places.get(name)!)}` : 'does not list it'
    throw new InputError(`${path}: holds tensor ${quote(name)}, but ${index} ${place}; get all files anew`)
  }
  for (const [name, place] of places) {
    if (place !== shard || tensors.has(name)) continue
    throw new InputError(`${path}: lacks tensor ${quote(name)}, which ${index} puts there; get all files anew`)
  }
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
