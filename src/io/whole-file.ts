import { randomBytes } from 'node:crypto'
import { constants, existsSync, rmSync, type Stats } from 'node:fs'
import { access, type FileHandle, open, readlink, realpath, rename, rm, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { onExit } from 'signal-exit'
import { InputError } from '../errors.js'

/**
 * Writes a file that is either whole or not there: under a temporary name beside it, renamed at the end. When `write`
 * throws or the process is told to end, what it wrote is removed; a file that was there before stays as it was. A symbolic
 * link stays and what it leads to is replaced; a device or a pipe is written to as it is.
 *
 * @throws InputError where the system does not let it be written
 */
export async function writeWholeFile(path: string, write: (file: FileHandle) => Promise<void>): Promise<void> {
  await namingFault(path, async () => {
    const target = await targetOf(path)
    if (target.inPlace) await fill(await open(target.path, 'w'), write)
    else await replace(target, write)
  })
}

async function fill(file: FileHandle, write: (file: FileHandle) => Promise<void>): Promise<void> {
  try {
    await write(file)
  } finally {
    await file.close()
  }
}

/** Fills a file beside the target, with the mode and owner of what lies there, and renames it. */
async function replace({ path, earlier }: Target, write: (file: FileHandle) => Promise<void>): Promise<void> {
  const temporary = `${path}.${randomBytes(5).toString('hex')}`
  const forget = onExit(() => rmSync(temporary, { force: true }))
  try {
    await fill(await open(temporary, 'wx'), async (file) => {
      await write(file)
      if (earlier) {
        // Only root gives files away.
        await file.chown(earlier.uid, earlier.gid).catch(() => {})
        await file.chmod(earlier.mode)
      }
      await file.sync()
    })
    await rename(temporary, path)
  } finally {
    await rm(temporary, { force: true })
    forget()
  }
}

/**
 * Looks whether {@link writeWholeFile} could write a file, for work that takes long before it does.
 *
 * @throws InputError where it could not
 */
export async function checkWritable(path: string): Promise<void> {
  await namingFault(path, async () => {
    const target = await targetOf(path)
    await access(target.inPlace ? target.path : dirname(target.path), constants.W_OK)
  })
}

/** Where to write: in place what cannot be renamed over without taking it away, a device or a pipe. */
interface Target {
  readonly path: string
  readonly inPlace: boolean
  /** What lies there. */
  readonly earlier: Stats | undefined
}

async function targetOf(path: string): Promise<Target> {
  const info = await stat(path).catch(unlessAbsent)
  if (info?.isDirectory() || path === '' || path.endsWith('/'))
    throw new InputError(`${path}: is a folder; name a file to write`)
  if (info) return { path: info.isFile() ? await realpath(path) : path, inPlace: !info.isFile(), earlier: info }
  // A link whose target is yet to be made looks absent, too.
  const link = await readlink(path).catch(unlessAbsent)
  const folder = dirname(path)
  if (link !== undefined) return targetOf(resolve(await realpath(folder), link))
  if (!existsSync(folder)) throw new InputError(`${path}: there is no folder ${folder}; make it first`)
  return { path, inPlace: false, earlier: undefined }
}

function unlessAbsent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}

/** Does the work; what the system refuses becomes an InputError that names the file. */
async function namingFault(path: string, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error
    throw new InputError(`${path}: cannot be written (${(error as Error).message}); free some room or choose another`)
  }
}
