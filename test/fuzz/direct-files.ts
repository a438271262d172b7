import fs, { type PathLike } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

const { promises } = fs
const names = ['access', 'lstat', 'readFile', 'readdir', 'readlink', 'realpath', 'rename', 'rm', 'stat'] as const

/**
 * Until it is disposed of, node:fs/promises asks the system at once. Files of cases lie in memory, where a call takes less than the
 * thread that it is otherwise left to takes to wake.
 */
export function directFiles(): Disposable {
  const kept = { ...promises }
  for (const name of names) {
    const direct = fs[`${name}Sync`] as (...args: unknown[]) => unknown
    Object.assign(promises, { [name]: async (...args: unknown[]) => direct(...args) })
  }
  Object.assign(promises, { open: async (path: PathLike, flags: string) => new DirectFile(fs.openSync(path, flags)) })
  syncBuiltinESMExports()
  return {
    [Symbol.dispose]() {
      Object.assign(promises, kept)
      syncBuiltinESMExports()
    },
  }
}

/** What readers and writers do with a FileHandle. */
class DirectFile {
  constructor(private readonly fd: number) {}

  async read(target: Uint8Array, offset: number, length: number, position: number) {
    return { bytesRead: fs.readSync(this.fd, target, offset, length, position) }
  }

  async write(bytes: Uint8Array, offset: number) {
    return { bytesWritten: fs.writeSync(this.fd, bytes, offset) }
  }

  async stat() {
    return fs.fstatSync(this.fd)
  }

  async chown(uid: number, gid: number) {
    fs.fchownSync(this.fd, uid, gid)
  }

  async chmod(mode: number) {
    fs.fchmodSync(this.fd, mode)
  }

  async sync() {
    fs.fsyncSync(this.fd)
  }

  async close() {
    fs.closeSync(this.fd)
  }
}
