/** A model as `huggingface_hub` keeps it: blobs by digest, and a snapshot of links to them under the commit's name. */
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { tempFolder } from './temp.js'

export interface HubRepository {
  /** `models--owner--name` */
  readonly path: string
  readonly snapshot: string
  /** Where the content of a file lies. */
  blob(name: string): string
}

/** The repository of a folder's files, which are copied. */
export function hubRepository(folder: string): HubRepository {
  const path = join(tempFolder(), 'models--owner--name')
  const revision = '0123456789abcdef0123456789abcdef01234567'
  const snapshot = join(path, 'snapshots', revision)
  for (const part of ['blobs', 'refs', join('snapshots', revision)]) mkdirSync(join(path, part), { recursive: true })
  writeFileSync(join(path, 'refs', 'main'), revision)
  const digests = new Map<string, string>()
  for (const name of readdirSync(folder)) {
    const content = readFileSync(join(folder, name))
    const digest = createHash('sha256').update(content).digest('hex')
    digests.set(name, digest)
    writeFileSync(join(path, 'blobs', digest), content)
    symlinkSync(join('..', '..', 'blobs', digest), join(snapshot, name))
  }
  return { path, snapshot, blob: (name) => join(path, 'blobs', digests.get(name)!) }
}
