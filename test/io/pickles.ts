/** Pickles put together by hand, opcode by opcode, however wrong they are. */

type Bytes = Uint8Array

const u32 = (value: number) => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
export const u64 = (value: bigint) => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(value)
  return bytes
}

/** Opcodes by their letter or number, and their arguments. */
export const raw = (...parts: (string | number | Bytes)[]): Buffer =>
  Buffer.concat(
    parts.map((it) => (typeof it === 'string' ? Buffer.from(it) : typeof it === 'number' ? Buffer.of(it) : it)),
  )

export const text = (value: string) => raw('X', u32(Buffer.byteLength(value)), value)
export const integer = (value: number) => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32LE(value)
  return raw('J', bytes)
}
/** LONG1: any whole number of up to 255 bytes. */
export const long = (value: bigint) => {
  const bytes: number[] = []
  let rest = value
  do {
    bytes.push(Number(BigInt.asUintN(8, rest)))
    rest >>= 8n
  } while (rest !== (bytes.at(-1)! & 0x80 ? -1n : 0n))
  return raw(0x8a, bytes.length, Buffer.from(bytes))
}
export const none = raw('N')
export const tuple = (...items: Bytes[]) => raw('(', ...items, 't')
export const list = (...items: Bytes[]) => raw('](', ...items, 'e')
export const dict = (entries: Record<string, Bytes>) =>
  raw('}(', ...Object.entries(entries).flatMap(([key, value]) => [text(key), value]), 'u')
export const named = (module: string, name: string) => raw('c', `${module}\n${name}\n`)
export const call = (callee: Bytes, ...args: Bytes[]) => raw(callee, tuple(...args), 'R')
/** An instance as protocol 2 makes one: of a kind of dict with entries, or else with attributes. */
export const entriesOf = (type: Bytes, entries: Record<string, Bytes>) =>
  raw(type, ')', 0x81, dict(entries).subarray(1))
export const instance = (type: Bytes, attributes: Record<string, Bytes>) => raw(type, ')', 0x81, dict(attributes), 'b')
export const pickle = (...parts: Bytes[]) => raw(0x80, 2, ...parts, '.')

/** A tensor of F32 in a storage of so many elements. */
export const tensor = (key: string, elements: number, shape: number[], strides: number[], offset = 0) =>
  call(
    named('torch._utils', '_rebuild_tensor_v2'),
    raw(storage(key, elements), 'Q'),
    integer(offset),
    tuple(...shape.map(integer)),
    tuple(...strides.map(integer)),
    raw(0x89),
    call(named('collections', 'OrderedDict')),
  )
export const storage = (key: string, elements: number, type = 'FloatStorage', part: Bytes = raw()) =>
  tuple(text('storage'), named('torch', type), text(key), text('cpu'), integer(elements), part)

/** A file of torch before 1.6. */
export function legacyFile(object: Bytes, storages: Record<string, Float32Array>): Buffer {
  return Buffer.concat([
    pickle(long(0x1950a86a20f9469cfc6cn)),
    pickle(integer(1001)),
    pickle(dict({ little_endian: raw(0x88) })),
    object,
    pickle(list(...Object.keys(storages).map(text))),
    ...Object.values(storages).flatMap((it) => [u64(BigInt(it.length)), Buffer.from(it.buffer)]),
  ])
}
