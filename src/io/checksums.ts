import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** The file that lists a folder's digests, in the form that `sha256sum --check` reads. */
export const CHECKSUMS = 'SHA256SUMS'

/** Records the SHA-256 digests of a folder's files beside them. */
export async function writeChecksums(folder: string, files: readonly string[]): Promise<void> {
  await writeFile(join(folder, CHECKSUMS), await digests(folder, files))
}

/** Whether a folder's files are, to the byte, those whose digests {@link writeChecksums} recorded there. */
export async function checksumsMatch(folder: string, files: readonly string[]): Promise<boolean> {
  try {
    return (await readFile(join(folder, CHECKSUMS), 'utf8')) === (await digests(folder, files))
  } catch {
    // What is missing or cannot be read does not match.
    return false
  }
}

async function digests(folder: string, files: readonly string[], onBytes?: (count: number) => void): Promise<string> {
  let list = ''
  for (const file of files) {
    list += `${await sha256(join(folder, file), onBytes)}  ${file}\n`
  }
  return list
}

/** The SHA-256 digest of a folder's files of some names, over the names and digests of all. */
export async function filesDigest(folder: string, names: RegExp, onBytes?: (count: number) => void): Promise<string> {
  return textDigest(await digests(folder, await filesOf(folder, names), onBytes))
}

/** How many bytes {@link filesDigest} reads. */
export async function bytesOf(folder: string, names: RegExp): Promise<number> {
  const files = await filesOf(folder, names)
  const sizes = await Promise.all(files.map(async (name) => (await stat(join(folder, name))).size))
  return sizes.reduce((sum, it) => sum + it, 0)
}

const filesOf = async (folder: string, names: RegExp): Promise<string[]> =>
  (await readdir(folder)).filter((name) => names.test(name)).sort()

/** The SHA-256 digest of a text, in hexadecimal. */
export const textDigest = (text: string): string => createHash('sha256').update(text).digest('hex')

/** The SHA-256 digest of a file, in hexadecimal. The file may be larger than memory. */
export async function sha256(path: string, onBytes?: (count: number) => void): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20 })) {
    hash.update(chunk)
    onBytes?.(chunk.length)
  }
  return hash.digest('hex')
}
