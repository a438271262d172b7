import { BinaryFile } from '../src/io/binary-file.js'

/** How often work opens a file, and how many of its bytes it reads. */
export async function readsOf(path: string, work: () => Promise<unknown>): Promise<{ opened: number; bytes: number }> {
  const { open } = BinaryFile
  const { readInto } = BinaryFile.prototype
  const reads = { opened: 0, bytes: 0 }
  BinaryFile.open = (opened) => {
    if (opened === path) reads.opened++
    return open.call(BinaryFile, opened)
  }
  BinaryFile.prototype.readInto = function (target, position) {
    if (this.path === path) reads.bytes += target.length
    return readInto.call(this, target, position)
  }
  try {
    await work()
  } finally {
    BinaryFile.open = open
    BinaryFile.prototype.readInto = readInto
  }
  return reads
}
