import { type FileHandle, open } from 'node:fs/promises'
import { InputError } from '../errors.js'
import { readFault } from './text-file.js'

/** Bytes that are read at a time where there are many. */
export const CHUNK_BYTES = 2 ** 22

/** Bytes that can be read at any place. */
export interface ByteSource {
  readInto(target: Uint8Array, position: number): Promise<void>
}

/** An open file, to be read at any place. */
export class BinaryFile implements ByteSource, AsyncDisposable {
  #handle: FileHandle | undefined

  private constructor(
    readonly path: string,
    handle: FileHandle,
    /** Its length in bytes. */
    readonly size: number,
  ) {
    this.#handle = handle
  }

  /** @throws InputError when it cannot be opened, or is no regular file */
  static async open(path: string): Promise<BinaryFile> {
    const handle = await open(path, 'r').catch((error) => {
      throw new InputError(`${path}: ${readFault(error)}`)
    })
    try {
      const info = await handle.stat()
      if (!info.isFile()) throw new InputError(`${path}: is not a file`)
      return new BinaryFile(path, handle, info.size)
    } catch (error) {
      await handle.close()
      throw error
    }
  }

  /** Fills memory from a place on. @throws InputError when it cannot be read, ends before, or is closed */
  async readInto(target: Uint8Array, position: number): Promise<void> {
    for (let done = 0; done < target.length; ) {
      if (!this.#handle) throw new InputError(`${this.path}: was closed while it was read`)
      const { bytesRead } = await this.#handle
        .read(target, done, target.length - done, position + done)
        .catch((error) => {
          throw new InputError(`${this.path}: ${readFault(error)}`)
        })
      if (bytesRead === 0)
        throw new InputError(`${this.path}: became shorter while it was read; read it again when whole`)
      done += bytesRead
    }
  }

  /** Closes it. Harmless when repeated. */
  async close(): Promise<void> {
    const handle = this.#handle
    this.#handle = undefined
    await handle?.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
