import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { elementCount } from '../../src/io/dtype.js'
import { type PickleLimits, pickleLimits, readPickle } from '../../src/io/pickle.js'
import { findStateDict } from '../../src/io/state-dict.js'
import { openTorchFile } from '../../src/io/torch-checkpoint.js'
import { TorchStorages, torchGlobals } from '../../src/io/torch-globals.js'
import { fixture } from '../fixtures.js'
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
} from '../io/pickles.js'
import { type Member, zipFile } from '../io/zips.js'
import { caseFolder, kindsOf } from './cases.js'
import { damaged, oddText } from './values.js'

const pickles = kindsOf('pickles')
const folder = caseFolder()

const size = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 4 }).map(integer) },
  fc.constantFrom(
    integer(-1),
    integer(2 ** 31 - 1),
    long(2n ** 31n),
    long(2n ** 53n - 1n),
    long(2n ** 64n),
    none,
    text('2'),
    raw('G', Buffer.alloc(8, 0x40)),
  ),
)
const sizes = fc.array(size, { maxLength: 3 }).map((it) => tuple(...it))
const key = fc.oneof({ weight: 5, arbitrary: fc.constantFrom('0', '1', '2') }, oddText)
const memory = fc
  .tuple(
    key,
    fc.oneof({ weight: 9, arbitrary: fc.constant(12) }, fc.integer({ min: -1, max: 20 })),
    fc.constantFrom('FloatStorage', 'FloatStorage', 'HalfStorage', 'LongStorage', 'UntypedStorage'),
  )
  .map(([key, elements, type]) => raw(storage(key, elements, type), 'Q'))
/** A tensor that need not fit its storage. */
const anyTensor = fc
  .tuple(memory, size, sizes, sizes)
  .map(([memory, offset, shape, strides]) =>
    call(named('torch._utils', '_rebuild_tensor_v2'), memory, offset, shape, strides, raw(0x89), none),
  )
/** One that does, as it lies or in another order. */
const soundTensor = fc
  .tuple(fc.constantFrom('0', '1'), fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 4 }), fc.boolean())
  .map(([key, rows, columns, turned]) => tensor(key, 12, [rows, columns], turned ? [1, rows] : [columns, 1]))

const value = fc.letrec<{ value: Buffer; leaf: Buffer }>((tie) => ({
  leaf: fc.oneof(
    soundTensor,
    anyTensor,
    size,
    oddText.map(text),
    fc.constantFrom(none, raw(0x88), raw(')'), raw('h', 0), named('collections', 'OrderedDict'), named('os', 'system')),
    fc.constantFrom(
      call(named('numpy', 'dtype'), text('f8')),
      call(named('_codecs', 'encode'), text('é'), text('latin1')),
    ),
  ),
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    tie('leaf'),
    fc.array(tie('value'), { maxLength: 3 }).map((it) => list(...it)),
    fc.array(tie('value'), { maxLength: 3 }).map((it) => tuple(...it)),
    fc.dictionary(oddText, tie('value'), { maxKeys: 3 }).map(dict),
    fc.tuple(tie('value'), tie('value')).map(([callee, args]) => raw(callee, args, 'R')),
    fc.tuple(tie('value'), tie('value')).map(([target, state]) => raw(target, state, 'b')),
  ),
})).value
const object = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.dictionary(oddText, fc.oneof({ weight: 5, arbitrary: soundTensor }, value), { maxKeys: 5 }).map(dict),
  },
  value,
)
const program = object.map((it) => pickle(it))

/** Opcodes one after the other, whatever they find. */
const soup = fc
  .array(
    fc.oneof(
      fc.constantFrom(...'(.012NQRbehjqrstu)]}abdl').map((it) => Buffer.from(it)),
      fc.constantFrom(0x81, 0x85, 0x86, 0x87, 0x88, 0x93, 0x94, 0x95).map((it) => Buffer.of(it)),
      fc.constantFrom(
        raw('h', 0),
        raw('q', 0),
        raw('h', 1),
        raw('q', 1),
        named('collections', 'OrderedDict'),
        named('argparse', 'Namespace'),
      ),
      fc.constantFrom(
        named('copy_reg', '_reconstructor'),
        named('numpy.core.multiarray', 'scalar'),
        raw('r', Buffer.alloc(4, 0xff)),
      ),
      fc.uint8Array({ minLength: 1, maxLength: 5 }).map((it) => Buffer.from(it)),
      value,
    ),
    { maxLength: 30 },
  )
  .map((it) => pickle(...it))

const limits: PickleLimits = { ...pickleLimits, steps: 2000, memo: 50, text: 2000 }

pickles.add({
  name: 'a pickle is plain values, and takes no more than its limits, or is refused',
  cases: fc.oneof(program, damaged(program), damaged(soup)),
  read: (bytes) => {
    const { persistent } = new TorchStorages()
    const options = { source: 'file', globals: torchGlobals(), persistent, limits }
    const { value, length } = readPickle(bytes, options)
    assert.ok(length <= bytes.length && bytes[length - 1] === 46)
    assert.not.type(value, 'function')
  },
})

/** Opens a file of torch.save and reads all of its weights: every one lies within the file. */
async function readWeights(path: string, bytes: number): Promise<void> {
  await using file = await openTorchFile(path)
  const { tensors } = findStateDict(file.value, path)
  for (const [name, tensor] of tensors) {
    let length = 0
    for await (const chunk of tensor.chunks()) length += chunk.length
    assert.is(length, tensor.byteLength, name)
    assert.ok(Number.isSafeInteger(elementCount(tensor.shape)) && tensor.storage.byteLength <= bytes, name)
  }
}

const floats = Float32Array.from({ length: 12 }, (_, i) => i + 0.5)
const stored = fc.subarray(['0', '1', '2'], { minLength: 1 })
/** A file lists no more storages than its object mentions, and no fewer. */
const oneStorage = fc
  .integer({ min: 1, max: 3 })
  .map(
    (rows) =>
      [pickle(dict({ a: tensor('0', 12, [rows, 4], [4, 1]), b: tensor('0', 12, [4, rows], [1, 4]) })), ['0']] as const,
  )
const legacy = fc
  .oneof(oneStorage, fc.tuple(program, stored))
  .map(([object, keys]) => legacyFile(object, Object.fromEntries(keys.map((it) => [it, floats]))))
const member = (name: string, data: Uint8Array, compressed: boolean): Member => ({ name, data, compressed })
const zip = fc
  .tuple(program, stored, fc.boolean(), fc.boolean())
  .map(([object, keys, compressed, zip64]) =>
    zipFile(
      [
        member('m/data.pkl', object, compressed),
        ...keys.map((it) => member(`m/data/${it}`, new Uint8Array(floats.buffer), compressed)),
      ],
      { zip64 },
    ),
  )
const saved = fc.constantFrom(
  ...['forms-zip', 'forms-legacy', 'nested-zip', 'parts-legacy'].map((it) =>
    readFileSync(fixture('torch', `${it}.pt`)),
  ),
)

for (const [form, files] of [
  ['legacy files', legacy],
  ['zip archives', zip],
  ['files of PyTorch', saved],
] as const) {
  const path = join(folder, 'a.pt')
  pickles.add({
    name: `${form}: every tensor lies within the file, or it is refused`,
    cases: fc.oneof(files, damaged(files)),
    read: async (bytes) => {
      writeFileSync(path, bytes)
      await readWeights(path, 64 * bytes.length)
    },
    share: 1 / 2,
    sound: 1 / 50,
  })
}

pickles.run()
