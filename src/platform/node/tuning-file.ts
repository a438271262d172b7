import { mkdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Gpu } from '../../gpu/gpu.js'
import { readJsonFile } from '../../io/text-file.js'
import { writeWholeFile } from '../../io/whole-file.js'
import { noTuning, parseTuning, type TunedAdapter, type Tuning, tuningDocument, type Warn } from '../../tune/tuning.js'
import { cacheFolder } from './cache-folder.js'
import { packageVersion } from './packaged.js'

const limit = 2 ** 20

/** Where the measured choices of an adapter lie: a file per adapter, which may be deleted at any time. */
export function tuningFile({ name }: Pick<TunedAdapter, 'name'>): string {
  const words = name.toLowerCase().match(/[a-z0-9]+/g) ?? ['adapter']
  return join(cacheFolder(), 'tuned', `${words.join('-').slice(0, 80)}.json`)
}

/** Files that were complained about: once is enough. */
const told = new Set<string>()

/**
 * The choices measured on this adapter with this driver and this version of the package; none where there is no file. A file
 * that is stale, damaged or another adapter's is as good as none, with a word about it, once in a process.
 */
export async function readTuning(owner: TunedAdapter, warn: Warn): Promise<Tuning> {
  let file = 'the cache folder'
  try {
    file = tuningFile(owner)
    if (!(await isThere(file))) return noTuning
    return parseTuning(await readJsonFile(file, limit), owner, packageVersion)
  } catch (error) {
    const { message } = error as Error
    const about = message.startsWith(file) ? message : `${file}: ${message}`
    if (!told.has(file)) warn(`${about}: kernels measured earlier are not used; misc tune measures them anew`)
    told.add(file)
    return noTuning
  }
}

/** @throws Error where it is no regular file: a pipe would be waited for. */
async function isThere(file: string): Promise<boolean> {
  const info = await stat(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (info && !info.isFile()) throw new Error(`${file}: not a regular file`)
  return info !== undefined
}

/**
 * Writes choices to the adapter's file, beside those for other shapes that it has; whole or not at all, so that two processes
 * may do so at once.
 *
 * @returns the file.
 * @throws Error where the file cannot be written.
 */
export async function writeTuning(owner: TunedAdapter, { choices, unfinished }: Tuning): Promise<string> {
  const file = tuningFile(owner)
  const earlier = await readTuning(owner, () => {})
  const all = { choices: new Map([...earlier.choices, ...choices]), unfinished }
  const document = tuningDocument(all, owner, packageVersion)
  await mkdir(dirname(file), { recursive: true })
  await isThere(file)
  await writeWholeFile(file, (to) => to.writeFile(`${JSON.stringify(document, null, 2)}\n`))
  return file
}

/** Lets a device use what was measured on its adapter: recordings made from now on do. */
export async function adoptTuning(gpu: Gpu, warn: Warn): Promise<Tuning> {
  const tuning = await readTuning(gpu.adapter, warn)
  gpu.variants.adopt(new Map([...tuning.choices].map(([key, { choice }]) => [key, choice])))
  return tuning
}
