/** Zip archives put together by hand, however wrong they are. */
import { crc32, deflateRawSync } from 'node:zlib'

export interface Member {
  readonly name: string
  readonly data: Uint8Array
  readonly compressed?: boolean
  /** What its headers say in place of the truth. */
  readonly size?: number
  readonly crc?: number
  readonly method?: number
  readonly flags?: number
  /** Where the directory says it begins. */
  readonly offset?: number
}

/** @param zip64 writes sizes, places and counts in the fields of zip64 */
export function zipFile(members: readonly Member[], { zip64 = false, count = members.length } = {}): Buffer {
  const parts: Buffer[] = []
  const directory: Buffer[] = []
  let at = 0
  const add = (bytes: Buffer) => {
    parts.push(bytes)
    at += bytes.length
  }
  for (const { name, data, compressed = false, ...lies } of members) {
    const stored = compressed ? deflateRawSync(data) : Buffer.from(data)
    const { size = data.length, crc = crc32(data), method = compressed ? 8 : 0, flags = 0x800, offset = at } = lies
    const nameBytes = Buffer.from(name)
    const storedSize = compressed ? stored.length : size
    const fields = [20, flags, method, 0, 0x21]
    const sizes = zip64 ? [0xffffffff, 0xffffffff] : [storedSize, size]
    const extra = zip64 ? Buffer.concat([u16(1), u16(24), u64(size), u64(storedSize), u64(offset)]) : Buffer.alloc(0)
    const tail = [u16(nameBytes.length), u16(extra.length)]
    directory.push(
      Buffer.concat([
        ...[u32(0x02014b50), u16(20), ...fields.map(u16), u32(crc), ...sizes.map(u32), ...tail, u16(0), u16(0), u16(0)],
        ...[u32(0), u32(zip64 ? 0xffffffff : offset), nameBytes, extra],
      ]),
    )
    add(Buffer.concat([u32(0x04034b50), ...fields.map(u16), u32(crc), ...sizes.map(u32), ...tail, nameBytes, extra]))
    add(stored)
  }
  const start = at
  for (const entry of directory) add(entry)
  const size = at - start
  if (zip64) {
    const end = at
    add(
      Buffer.concat([
        ...[u32(0x06064b50), u64(44), u16(45), u16(45), u32(0), u32(0), u64(count), u64(count), u64(size), u64(start)],
        ...[u32(0x07064b50), u32(0), u64(end), u32(1)],
      ]),
    )
  }
  const counts = zip64 ? [0xffff, 0xffff] : [count & 0xffff, count & 0xffff]
  const places = zip64 ? [0xffffffff, 0xffffffff] : [size, start]
  add(Buffer.concat([u32(0x06054b50), u16(0), u16(0), ...counts.map(u16), ...places.map(u32), u16(0)]))
  return Buffer.concat(parts)
}

const u16 = (value: number) => integer(value, 2)
const u32 = (value: number) => integer(value, 4)
const u64 = (value: number) => integer(value, 8)

function integer(value: number, bytes: number): Buffer {
  const result = Buffer.alloc(8)
  result.writeBigUInt64LE(BigInt(value))
  return result.subarray(0, bytes)
}
