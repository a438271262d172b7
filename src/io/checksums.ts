import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir, readFile, writeFile } from 'node:fs/promises'
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

async function digests(folder: string, files: readonly string[]): Promise<string> {
  let list = ''
  for (const file of files) {
    list += `${await sha256(join(folder, file))}  ${file}\n`
  }
  return list
}

/** The SHA-256 digest of a folder's files of some names, over the names and digests of all. */
export async function filesDigest(folder: string, names: RegExp): Promise<string> {
  const files = (await readdir(folder)).filter((name) => names.test(name)).sort()
  return textDigest(await digests(folder, files))
}

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
