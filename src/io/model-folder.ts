import type { Stats } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { InputError } from '../errors.js'
import { quote } from '../quote.js'
import { isMissing, missingTarget, readFault, readJsonFile, readTextFile } from './text-file.js'

/**
 * The folder that holds a model's files: the one given or, where that is a repository in Hugging Face's cache
 * (`models--owner--name`), the snapshot that its refs/main names. Harmless when repeated.
 *
 * @throws InputError when there is no such folder, or the repository lacks its snapshot
 */
export async function modelFolder(path: string): Promise<string> {
  const kind = await statIfThere(path)
  if (!kind) throw new InputError(`${path}: no such folder; check the path`)
  if (!kind.isDirectory()) throw new InputError(`${path}: is a file; give the folder that holds it`)
  const snapshots = join(path, 'snapshots')
  if ((await statIfThere(join(path, 'config.json'))) || !(await statIfThere(snapshots))?.isDirectory()) return path

  const main = join(path, 'refs', 'main')
  const instead = `download the model again, or give one of the folders in ${snapshots}`
  if (!(await statIfThere(main))) {
    throw new InputError(`${path}: is a repository in Hugging Face's cache without refs/main; ${instead}`)
  }
  const revision = (await readTextFile(main, 256)).trim()
  if (!/^[0-9a-f]{40}$/.test(revision)) {
    throw new InputError(`${main}: holds ${quote(revision)}, expected the 40 digits of a commit; ${instead}`)
  }
  const snapshot = join(snapshots, revision)
  if ((await statIfThere(snapshot))?.isDirectory()) return snapshot
  throw new InputError(`${main}: names the snapshot ${revision}, which is not there; ${instead}`)
}

/**
 * What lies at a path, undefined where nothing does.
 *
 * @throws InputError where a link leads to nothing, or the system will not say
 */
export async function statIfThere(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path)
  } catch (error) {
    if (isMissing(error) && missingTarget(path) === undefined) return undefined
    throw new InputError(`${path}: ${readFault(error)}`)
  }
}

/** What a JSON file holds, or `otherwise` where there is none; errors as those of {@link readJsonFile}. */
export async function readJsonIfThere(path: string, otherwise?: unknown): Promise<unknown> {
  return (await statIfThere(path)) ? await readJsonFile(path) : otherwise
}

/** The first of some paths where something lies; errors as those of {@link statIfThere}. */
export async function firstThere(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) if (await statIfThere(path)) return path
  return undefined
}
