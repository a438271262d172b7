import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { InputError } from '../../src/errors.js'
import { PickleRecord } from '../../src/io/pickle.js'
import { openTorchFile } from '../../src/io/torch-checkpoint.js'
import { openWeights } from '../../src/io/weight-source.js'
import { fixture } from '../fixtures.js'
import { skipWithoutTorch, torchPython } from '../python.js'
import { randomIntegers } from '../random.js'
import { tempFolder } from '../temp.js'
import { quicklyRefused, refused } from '../throws.js'
import {
  call,
  dict,
  integer,
  legacyFile,
  list,
  long,
  named,
  none,
  pickle,
  raw,
  storage,
  tensor,
  text,
  tuple,
} from './pickles.js'
import { type Member, zipFile } from './zips.js'

const torch = suite('io/torch-checkpoint')
const onTheSpot = skipWithoutTorch(
  torch,
  'has files written on the spot, in every protocol, and compares what they hold',
)

/** By name: dtype, shape, and bytes in hexadecimal. */
type Contents = Record<string, [dtype: string, shape: number[], bytes: string]>

/** What a file of weights holds. */
async function contents(path: string): Promise<Contents> {
  await using weights = await openWeights(path)
  const found: Contents = {}
  for (const [name, tensor] of weights.tensors) {
    assert.is(tensor.name, name)
    let bytes = ''
    for await (const chunk of tensor.chunks()) bytes += Buffer.from(chunk).toString('hex')
    found[name] = [tensor.dtype, [...tensor.shape], bytes]
  }
  return found
}

/** What PyTorch says that the files in a folder hold. */
const expectedIn = (folder: string): Record<string, Contents> =>
  JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8'))

for (const file of ['forms-zip', 'forms-legacy', 'nested-zip', 'nested-legacy', 'parts-legacy']) {
  torch(`${file}.pt holds what PyTorch put into it`, async () => {
    const path = fixture('torch', `${file}.pt`)
    assert.equal(await contents(path), expectedIn(fixture('torch'))[file.split('-')[0]!])
  })
}

onTheSpot('files of the PyTorch of this machine, in every form', async () => {
  const folder = tempFolder()
  const env = { ...process.env, PYTHONDONTWRITEBYTECODE: '1' }
  const made = spawnSync(torchPython()!, [fixture('torch', 'make.py'), folder], { encoding: 'utf8', env })
  assert.is(made.status, 0, made.stderr)
  const files = readdirSync(folder).filter((it) => it.endsWith('.pt'))
  assert.ok(files.length >= 13)
  const expected = expectedIn(folder)
  for (const file of files) assert.equal(await contents(join(folder, file)), expected[file.split('-')[0]!], file)
})

torch('what lies beside the tensors is plain data', async () => {
  for (const file of ['nested-zip.pt', 'nested-legacy.pt']) {
    await using opened = await openTorchFile(fixture('torch', file))
    const value = opened.value as Map<string, unknown>
    assert.is(value.get('epoch'), 3)
    assert.is(value.get('loss'), 2.5)
    assert.is(value.get('step'), 7)
    assert.equal(
      value.get('vocab'),
      new Map([
        ['a', 0],
        ['é', 1],
      ]),
    )
    const options = value.get('opt') as PickleRecord
    assert.instance(options, PickleRecord)
    assert.is(options.className, 'utils.utils.DD')
    assert.is(options.entries.get('lr'), 1e-4)
    assert.equal([...(options.entries.get('data') as PickleRecord).entries.keys()], ['path', 'sizes'])
  }
})

const folder = tempFolder()
let count = 0
function fileOf(bytes: Uint8Array): string {
  const path = join(folder, `${count++}.pt`)
  writeFileSync(path, bytes)
  return path
}

const values = Float32Array.from({ length: 12 }, (_, i) => i)
const zipped = (data: Uint8Array, storages: Record<string, Uint8Array>, more: Member[] = []) =>
  zipFile([
    { name: 'm/data.pkl', data },
    ...Object.entries(storages).map(([key, data]) => ({ name: `m/data/${key}`, data })),
    ...more,
  ])
const bytesOf = (it: Float32Array) => new Uint8Array(it.buffer)
const numbers = async (path: string, name: string) => [
  ...new Float32Array(Uint8Array.from(Buffer.from((await contents(path))[name]![2], 'hex')).buffer),
]

torch('a part of a storage, as torch wrote views before 1.0', async () => {
  const part = tuple(text('view'), integer(3), integer(6))
  const rebuild = call(
    named('torch._utils', '_rebuild_tensor'),
    raw(storage('7', 12, 'FloatStorage', part), 'Q'),
    integer(1),
    tuple(integer(2)),
    tuple(integer(3)),
  )
  assert.equal(await numbers(fileOf(legacyFile(pickle(dict({ a: rebuild })), { 7: values })), 'a'), [4, 7])
})

torch('an untyped storage, and a dtype beside it; members that are compressed; an order of bytes', async () => {
  const untyped = tuple(text('storage'), named('torch.storage', 'UntypedStorage'), text('0'), text('cpu'), integer(48))
  const rebuild = call(
    named('torch._utils', '_rebuild_tensor_v3'),
    ...[
      raw(untyped, 'Q'),
      integer(2),
      tuple(integer(2)),
      tuple(integer(1)),
      raw(0x89),
      none,
      named('torch', 'float32'),
    ],
  )
  const little = { name: 'm/byteorder', data: Buffer.from('little') }
  const bytes = zipped(pickle(dict({ a: rebuild })), {}, [
    { name: 'm/data/0', data: bytesOf(values), compressed: true },
    little,
  ])
  assert.equal(await numbers(fileOf(bytes), 'a'), [2, 3])
})

torch('a tensor of many chunks, transposed or not', async () => {
  const large = Float32Array.from({ length: 1_500_000 }, (_, i) => i)
  const object = pickle(
    dict({
      a: tensor('0', large.length, [1500, 1000], [1000, 1]),
      b: tensor('0', large.length, [1000, 1500], [1, 1000]),
    }),
  )
  for (const bytes of [legacyFile(object, { 0: large }), zipped(object, { 0: bytesOf(large) })]) {
    const path = fileOf(bytes)
    const [a, b] = [await numbers(path, 'a'), await numbers(path, 'b')]
    assert.ok(a.every((value, i) => value === i))
    assert.ok(b.every((value, i) => value === (i % 1500) * 1000 + Math.floor(i / 1500)))
  }
})

async function bytesRefused(bytes: Uint8Array, words: RegExp): Promise<void> {
  const path = fileOf(bytes)
  await quicklyRefused(() => contents(path), words)
}

torch('what a file lies about is refused, in either format', async () => {
  for (const [object, words] of [
    [dict({ a: tensor('0', 12, [13], [1]) }), /goes past the end of its storage, which has 12 elements/],
    [dict({ a: tensor('0', 12, [3, 4], [4, 2]) }), /goes past the end of its storage/],
    [dict({ a: tensor('0', 12, [2], [1], 11) }), /goes past the end of its storage/],
    [dict({ a: tensor('0', 12, [-1], [1]) }), /has -1 in its sizes, not a whole number from 0 on/],
    [dict({ a: tensor('0', 12, [2], [-1], 5) }), /has -1 in its strides/],
    [dict({ a: tensor('0', 12, [2], []) }), /has 1 sizes, but 0 strides/],
    [dict({ a: tensor('0', 12, Array(17).fill(1), Array(17).fill(1)) }), /more than 16 dimensions/],
    [dict({ a: tensor('0', 12, [2 ** 30, 2 ** 30], [0, 0]) }), /more elements than can be counted/],
    [dict({ a: tensor('0', 12, [2 ** 30, 2 ** 30, 0], [0, 0, 0]) }), /more elements than can be counted/],
    [dict({ a: tensor('0', 12, [2 ** 30], [0]) }), /would take 4294967296 bytes, but it holds 48/],
    [
      dict({ a: tensor('0', 12, [12], [1]), b: tensor('0', 11, [1], [1]) }),
      /is storage "0", of which it says two things/,
    ],
    // A message is one line, whatever stands in the file (found by fuzzing).
    [
      dict({ a: tensor('0\n', 12, [12], [1]), b: tensor('0\n', 11, [1], [1]) }),
      /is storage "0\\n", of which it says two things/,
    ],
    [dict({ a: raw(tuple(text('\ntorage')), 'Q') }), /an object beside it is "\\ntorage"/],
    [dict({ a: tensor('1', 12, [12], [1]) }), /storage "?1"?|lists a storage that it does not mention/],
    [dict({ a: tensor('0', 2 ** 30, [1], [1]) }), /storage "0" (needs 4294967296 bytes|has 12 elements)/],
    [dict({ a: raw(storage('0', 12, 'QInt8Storage'), 'Q') }), /names "torch\.QInt8Storage"/],
    [dict({ a: raw(storage('0', 12, 'float32'), 'Q') }), /is a storage of the class torch\.float32/],
    [dict({ a: raw(tuple(text('module'), none), 'Q') }), /is a whole module, with its program; save its state_dict/],
    [dict({ a: raw(none, 'Q') }), /an object beside it is nothing/],
    [dict({ a: call(named('torch._utils', '_rebuild_tensor_v2'), none) }), /has None as its storage/],
    [dict({ a: call(named('torch._utils', '_rebuild_parameter'), none) }), /_rebuild_parameter is of None/],
    [tensor('0', 12, [12], [1]), /holds one tensor, not a dict of tensors by name/],
    [list(tensor('0', 12, [12], [1])), /holds a list, not a dict/],
    [dict({ a: raw(storage('0', 12), 'Q') }), /holds no tensors by name/],
  ] as const) {
    await bytesRefused(legacyFile(pickle(object), { 0: values }), words)
    await bytesRefused(zipped(pickle(object), { 0: bytesOf(values) }), words)
  }
})

torch('damaged files of the older format are refused', async () => {
  const object = pickle(dict({ a: tensor('0', 12, [12], [1]) }))
  const sound = legacyFile(object, { 0: values })
  const head = (...parts: Uint8Array[]) => Buffer.concat(parts)
  const magic = pickle(long(0x1950a86a20f9469cfc6cn))
  for (const [bytes, words] of [
    [sound.subarray(0, -1), /ends within storage "0"/],
    [sound.subarray(0, -50), /ends before storage "0"/],
    [head(sound, Buffer.of(0)), /1 bytes follow its last storage/],
    [legacyFile(object, { 0: values.slice(1) }), /storage "0" has 11 elements, but should have 12/],
    [legacyFile(object, { 0: values, 1: values }), /lists a storage that it does not mention, or one twice/],
    [legacyFile(object, {}), /storage "0" is mentioned, but not in it/],
    [pickle(none), /is a pickle, but not of torch\.save/],
    [head(magic, pickle(integer(1000))), /its format is of an unknown version/],
    [head(magic, pickle(integer(1001)), pickle(none)), /does not say what machine/],
    [head(magic, pickle(integer(1001)), pickle(dict({ little_endian: raw(0x89) }))), /big-endian machine/],
    [
      head(magic, pickle(integer(1001)), pickle(dict({ little_endian: raw(0x88) })), object, pickle(none)),
      /None stands where/,
    ],
  ] as const) {
    await bytesRefused(bytes, words)
  }
})

torch('archives that are something else are refused', async () => {
  const object = pickle(dict({ a: tensor('0', 12, [12], [1]) }))
  const tar = Buffer.alloc(1024)
  tar.write('ustar', 257)
  const lfs = 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n'
  for (const [bytes, words] of [
    [zipFile([{ name: 'weights.npy', data: Buffer.of(1) }]), /is a zip archive, but not of torch\.save; unpack it/],
    [zipFile([]), /is a zip archive, but not of torch\.save/],
    [zipped(object, { 0: bytesOf(values) }, [{ name: 'm/code/m.py', data: Buffer.of() }]), /is a TorchScript program/],
    [zipped(object, { 0: bytesOf(values) }, [{ name: 'm/byteorder', data: Buffer.from('big') }]), /big-endian/],
    [zipped(object, {}), /storage "0" needs 48 bytes, but has none/],
    [zipped(object, { 0: bytesOf(values).slice(1) }), /storage "0" needs 48 bytes, but has 47/],
    [zipped(Buffer.concat([object, Buffer.of(1)]), { 0: bytesOf(values) }), /1 bytes follow its pickle/],
    [
      zipFile([
        { name: 'm/data.pkl', data: object },
        { name: 'm/data/0', data: bytesOf(values), crc: 5 },
      ]),
      /its checksum is wrong/,
    ],
    [tar, /is a tar archive; unpack it/],
    [Buffer.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0), /is compressed with gzip; unpack it/],
    [Buffer.from(lfs), /is a Git LFS pointer/],
    [Buffer.from('hello, world'), /is neither safetensors nor a file of torch\.save/],
    [Buffer.alloc(0), /is neither safetensors nor/],
  ] as const) {
    await bytesRefused(bytes, words)
  }
  await refused(() => openWeights(join(folder, 'none.pt')), /none\.pt: no such file/)
})

for (const [file, checksums] of [
  ['forms-zip.pt', true],
  ['nested-zip.pt', true],
  ['forms-legacy.pt', false],
  ['parts-legacy.pt', false],
] as const) {
  torch(`500 mutations of ${file} are read right or refused`, async () => {
    const sound = readFileSync(fixture('torch', file))
    const expected = await contents(fixture('torch', file))
    const next = randomIntegers(sound.length)
    let refusals = 0
    for (let round = 0; round < 500; round++) {
      const bytes = mutated(sound, next)
      const path = fileOf(bytes)
      try {
        const found = await contents(path)
        // The older format has no checksums: what a changed file says is all that can be known of it.
        if (checksums) assert.equal(found, expected, `round ${round}`)
      } catch (error) {
        assert.instance(error, InputError, `round ${round}: ${(error as Error).stack}`)
        refusals++
      }
    }
    assert.ok(refusals > 100 && refusals < 500, `${refusals} of 500 were refused`)
  })
}

/** A file cut, with bytes or bits changed, with a piece in another place, or left out. */
function mutated(sound: Buffer, next: (limit: number) => number): Buffer {
  const bytes = Buffer.from(sound)
  const at = next(bytes.length)
  const kind = next(6)
  if (kind === 0) return bytes.subarray(0, at)
  if (kind === 1) return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + next(40))])
  if (kind === 2) bytes.copyWithin(next(bytes.length), at, at + 1 + next(40))
  else if (kind === 3) for (let i = at; i < Math.min(bytes.length, at + 4); i++) bytes[i] = next(256)
  else bytes[at]! ^= 1 << next(8)
  return bytes
}

torch.run()
