import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type PickleOptions,
  PickleRecord,
  PickleTuple,
  type PickleValue,
  pickleLimits,
  readPickle,
} from '../../src/io/pickle.js'
import { dataGlobals } from '../../src/io/pickle-globals.js'
import { tempFolder } from '../temp.js'
import { quicklyRefused, refused } from '../throws.js'
import { call, dict, integer, list, long, named, none, pickle, raw, text, tuple, u64 } from './pickles.js'

const pickles = suite('io/pickle')

const read = (bytes: Uint8Array, options: Partial<PickleOptions> = {}): PickleValue =>
  readPickle(bytes, { source: 'file', globals: dataGlobals(), ...options }).value

/** Refused in less than a second, with these words. */
const bytesRefused = (bytes: Uint8Array, ...words: RegExp[]) =>
  quicklyRefused(() => read(bytes), /^file: .*\(byte \d+ of a pickle\)/, ...words)

pickles('plain values, as every protocol writes them', () => {
  for (const [bytes, value] of [
    [raw('I01\n.'), true],
    [raw('I-17\n.'), -17],
    [raw('L119547037146038801333356L\n.'), 119547037146038801333356n],
    [pickle(raw('J', Buffer.of(0xff, 0xff, 0xff, 0xff))), -1],
    [pickle(raw('K', 200)), 200],
    [pickle(raw('M', Buffer.of(1, 2))), 513],
    [pickle(long(-(2n ** 70n))), -(2n ** 70n)],
    [pickle(long(255n)), 255],
    [pickle(raw(0x8a, 0)), 0],
    [pickle(raw(0x8b, Buffer.of(2, 0, 0, 0, 0, 0x80))), -32768],
    [pickle(raw('G', Buffer.of(0x3f, 0xf8, 0, 0, 0, 0, 0, 0))), 1.5],
    [pickle(raw('N')), null],
    [pickle(raw(0x88)), true],
    [pickle(raw(0x89)), false],
    [pickle(text('é😀')), 'é😀'],
    [pickle(raw('U', 2, 'ab')), 'ab'],
    [pickle(raw('U', 2, Buffer.of(0x80, 0xe9))), '\x80é'],
    [raw(0x80, 4, 0x95, u64(5n), 0x8c, 2, 'ab', '.'), 'ab'],
    [raw(0x80, 4, 0x8d, u64(2n), 'ab', '.'), 'ab'],
    [pickle(raw('N0', 0x88)), true],
    [pickle(raw('(NN1', 0x88)), true],
  ] as const) {
    assert.equal(read(bytes), value)
  }
  assert.equal([...(read(raw(0x80, 3, 'C', 2, Buffer.of(7, 200), '.')) as Uint8Array)], [7, 200])
})

pickles('lists, dicts and tuples; what is remembered is shared', () => {
  assert.equal(read(pickle(list(integer(1), text('a'), none))), [1, 'a', null])
  assert.equal(read(pickle(tuple(integer(1)))), new PickleTuple([1]))
  assert.equal(read(pickle(integer(1), integer(2), raw(0x86))), new PickleTuple([1, 2]))
  const made = read(pickle(dict({ a: raw(']q', 5), b: raw('h', 5) }))) as Map<string, unknown>
  assert.equal([...made.keys()], ['a', 'b'])
  assert.is(made.get('a'), made.get('b'))
  const keys = [
    ...(read(pickle(raw('}('), integer(1), none, tuple(none), none, raw('u'))) as Map<unknown, unknown>).keys(),
  ]
  assert.equal(keys, [1, new PickleTuple([null])])
  const ordered = read(pickle(call(named('collections', 'OrderedDict'), list(list(text('a'), none))), raw('}b')))
  assert.equal(ordered, new Map([['a', null]]))
})

pickles('tells where it ends, for what follows', () => {
  const bytes = Buffer.concat([pickle(none), Buffer.from('more')])
  assert.is(readPickle(bytes, { source: 'file', globals: new Map() }).length, 4)
})

pickles('instances of known classes of data come out as records, however they are written', () => {
  const lang = read(pickle(named('utils.data_reader', 'Lang'), raw(')', 0x81), dict({ n_words: integer(7) }), raw('b')))
  assert.instance(lang, PickleRecord)
  assert.equal(lang, Object.assign(new PickleRecord('utils.data_reader.Lang'), { fields: new Map([['n_words', 7]]) }))
  // A dict's subclass, by protocol 2 and by protocol 1.
  const entries = new Map([['lr', 1]])
  const expected = Object.assign(new PickleRecord('utils.utils.DD'), { entries })
  const type = named('utils.utils', 'DD')
  assert.equal(read(pickle(type, raw(')', 0x81), raw('('), text('lr'), integer(1), raw('u'))), expected)
  const base = named('__builtin__', 'dict')
  assert.equal(read(pickle(call(named('copy_reg', '_reconstructor'), type, base, dict({ lr: integer(1) })))), expected)
  assert.equal(
    read(pickle(call(named('copyreg', '_reconstructor'), type, named('builtins', 'object'), none))),
    new PickleRecord('utils.utils.DD'),
  )
})

pickles("numpy's numbers and texts, from either order of bytes", async () => {
  const dtype = (code: string, order: string) =>
    raw(call(named('numpy', 'dtype'), text(code), raw(0x89), raw(0x88)), tuple(integer(3), text(order), none), 'b')
  const encoded = (bytes: Buffer) => call(named('_codecs', 'encode'), text(bytes.toString('latin1')), text('latin1'))
  const scalar = (code: string, order: string, bytes: Buffer) =>
    read(pickle(call(named('numpy.core.multiarray', 'scalar'), dtype(code, order), encoded(bytes))))
  assert.is(scalar('f8', '<', Buffer.from(Float64Array.of(-2.5).buffer)), -2.5)
  assert.is(scalar('f4', '<', Buffer.from(Float32Array.of(1.5).buffer)), 1.5)
  assert.is(scalar('i2', '>', Buffer.of(1, 2)), 258)
  assert.is(scalar('i8', '<', Buffer.from(BigInt64Array.of(-5n).buffer)), -5)
  assert.is(scalar('u8', '<', Buffer.alloc(8, 255)), 2n ** 64n - 1n)
  assert.is(scalar('b1', '|', Buffer.of(1)), true)
  const letters = (text: string, size: number) => {
    const codes = [...text].map((it) => it.codePointAt(0)!)
    return Buffer.from(Uint32Array.from({ length: size }, (_, i) => codes[i] ?? 0).buffer)
  }
  assert.is(scalar('U12', '<', letters('sad', 12)), 'sad')
  assert.is(scalar('U3', '>', letters('é😀a', 3).swap32()), 'é😀a')
  assert.is(scalar('U0', '<', Buffer.alloc(0)), '')
  await refused(() => scalar('U3', '<', letters('é😀a', 3).swap32()), /scalar has a character beyond Unicode/)
  await refused(() => scalar('U3', '<', Buffer.alloc(3)), /is U3, but not of so many bytes/)
  // A long text, zeros but for its end, that is made again and again.
  const long = raw('B', Buffer.of(0x9c, 0x9c, 0, 0), Buffer.alloc(40092))
  const args = raw(dtype('U10023', '<'), long)
  await bytesRefused(pickle(args), /dtype is "U10023", which is no number's and no text's/)
  const texts = [named('numpy.core.multiarray', 'scalar'), dtype('U9999', '<'), raw('B', Buffer.of(0x3c, 0x9c, 0, 0))]
  const again = raw('h', 1, 'h', 0, 'R')
  const parts = [...texts, Buffer.alloc(39992), Buffer.of(97, 0, 0, 0), raw(0x86, 'q', 0, '0q', 1)]
  await bytesRefused(
    pickle(...parts, ...Array.from({ length: 1000 }, () => again)),
    /more than the limit of 4000000 steps/,
  )
})

pickles('whatever calls a program is refused by its name, and nothing is run', async () => {
  const witness = join(tempFolder(), 'witness')
  const command = text(`touch ${witness}`)
  const code = text(`__import__("os").system("touch ${witness}")`)
  for (const [module, name, ...args] of [
    ['os', 'system', command],
    ['posix', 'system', command],
    ['subprocess', 'Popen', command],
    ['builtins', 'eval', code],
    ['__builtin__', 'exec', code],
    ['builtins', 'getattr', code, code],
    ['torch', 'load', command],
    ['torch.hub', 'load', command],
    ['torch._utils', '_rebuild_sparse_tensor'],
    ['numpy.core.multiarray', '_reconstruct'],
    ['constructor', 'constructor'],
    ['__proto__', 'x'],
  ] as const) {
    const words = new RegExp(`it names "${module}\\.${name}", which is no part of a state dict`)
    await bytesRefused(pickle(call(named(module, name), ...args)), words)
    await bytesRefused(raw(0x80, 4, text(module), text(name), 0x93, tuple(...args), 'R.'), words)
  }
  await bytesRefused(raw('(S', `'touch ${witness}'\nios\nsystem\n.`), /opcode STRING is no part of a state dict/)
  await bytesRefused(raw('(ios\nsystem\n.'), /opcode INST is no part of a state dict/)
  await bytesRefused(pickle(raw('(', named('collections', 'OrderedDict'), 'o')), /opcode OBJ is/)
  await bytesRefused(raw('Pid\n.'), /opcode PERSID is/)
  await bytesRefused(pickle(none, raw('Q')), /opcode BINPERSID is in no pickle of this kind/)
  assert.not(existsSync(witness))
})

pickles('names are called as they are meant to be, or not at all', async () => {
  const dd = named('utils.utils', 'DD')
  for (const [parts, words] of [
    [[call(named('builtins', 'dict'))], /it calls builtins\.dict/],
    [[call(text('os.system'))], /it calls a string/],
    [[named('collections', 'OrderedDict'), none, raw('R')], /it calls collections\.OrderedDict with None/],
    [[call(named('collections', 'OrderedDict'), text('ab'))], /OrderedDict is not made of a list/],
    [[call(named('collections', 'OrderedDict'), list(text('ab')))], /not made of pairs/],
    [[call(dd, none)], /utils\.utils\.DD is made with arguments/],
    [
      [call(named('copyreg', '_reconstructor'), named('builtins', 'dict'), named('builtins', 'dict'), dict({}))],
      /makes builtins/,
    ],
    [
      [call(named('copyreg', '_reconstructor'), dd, named('builtins', 'object'), text('a'))],
      /makes utils.*and a string/,
    ],
    [[call(named('_codecs', 'encode'), text('a'), text('rot13'))], /encode is given something else than Latin-1/],
    [[call(named('_codecs', 'encode'), text('a'.repeat(65)), text('latin1'))], /more than 64 characters/],
    [[call(named('_codecs', 'encode'), text('€'), text('latin1'))], /a character beyond Latin-1/],
    [[call(named('numpy', 'dtype'), text('O8'))], /dtype is "O8", which is no number's/],
    [[call(named('numpy', 'dtype'), text('__proto__'))], /which is no number's/],
    [[call(named('numpy', 'dtype'), text('f\n8'))], /dtype is "f\\n8", which is no number's/],
    [[call(named('numpy.core.multiarray', 'scalar'), none, none)], /scalar has None as its type/],
    [
      [call(named('numpy.core.multiarray', 'scalar'), call(named('numpy', 'dtype'), text('f8')), text('abc'))],
      /not of so many/,
    ],
    [[call(named('numpy', 'dtype'), text('f8')), none, raw('b')], /has no order of bytes/],
    [[list(), none, raw('b')], /the state of a list is None/],
    [[list(), dict({}), raw('b')], /a list is given a state/],
    [[dict({}), raw('('), list(), none, raw('u')], /a list is a key/],
    [[dict({}), raw('('), none, raw('u')], /an entry has no value/],
    [[none, none, raw('a')], /items are added to None/],
    [[list(), text('a'), none, raw('s')], /entries are added to a list/],
  ] as const) {
    await bytesRefused(pickle(...parts), words)
  }
})

pickles('damage is named', async () => {
  for (const [bytes, words] of [
    [raw(), /1 bytes are announced, past its end/],
    [raw('.'), /a value is missing/],
    [pickle(none, none), /it ends with values left over/],
    [pickle(raw('(N')), /values left over/],
    [pickle(raw('(')), /a value is missing/],
    [pickle(raw('N(0t')), /a collection ends that did not begin/],
    [pickle(raw('t')), /a collection ends that did not begin/],
    [pickle(raw('N(', 0x85)), /a value is missing/],
    [pickle(raw('h', 3)), /mentions value 3, which it did not remember/],
    [raw(0x80, 6, 'N.'), /protocol 6 is unknown/],
    [raw(0x80, 2, 0xff), /opcode 0xff is no part of a state dict/],
    [raw(0x80, 4, 0x95, u64(2n ** 40n), 'N.'), /a frame goes past its end/],
    [pickle(raw('X', Buffer.of(1, 0, 0, 0, 0xff))), /a string is not UTF-8/],
    [pickle(raw('cos')), /a line does not end/],
    [raw('I12x\n.'), /"12x" is no whole number/],
    [raw('L\n.'), /"" is no whole number/],
    [pickle(raw('T', Buffer.of(0xff, 0xff, 0xff, 0xff))), /a length of -1/],
    [pickle(none, none, raw(0x93)), /a name is no string/],
  ] as const) {
    await bytesRefused(bytes, words)
  }
})

pickles('what would fill memory is refused before it is made', async () => {
  for (const [bytes, words] of [
    [pickle(raw('X', Buffer.of(0xff, 0xff, 0xff, 0xff))), /4294967295 bytes are announced, past its end/],
    [raw(0x80, 4, 0x8e, u64(2n ** 32n), 'a.'), /4294967296 bytes are announced/],
    [raw(0x80, 4, 0x8d, u64(2n ** 64n - 1n), '.'), /bytes are announced, past its end/],
    [raw(0x80, 4, 'B', Buffer.of(0, 0, 0, 0xf0), '.'), /4026531840 bytes are announced/],
    [pickle(raw(0x8b, Buffer.of(0, 0, 0, 0x7f))), /a whole number is longer than the limit of 32 bytes/],
    [pickle(raw(0x8a, 33, Buffer.alloc(33))), /a whole number is longer than the limit/],
    [raw('L', '9'.repeat(900), 'L\n.'), /is no whole number/],
    [
      pickle(raw('X', Buffer.of(1, 0, 0x10, 0), Buffer.alloc(2 ** 20 + 1))),
      /one string is longer than the limit of 1048576/,
    ],
    [raw(0x80, 2, '('.repeat(65), '.'), /nested deeper than the limit of 64 levels/],
    [raw(0x80, 2, Buffer.alloc(5_000_000, 'N'), '.'), /it takes more than the limit of 4000000 steps/],
    [raw(0x80, 2, Buffer.alloc(3_000_000, 'N2'), '.'), /values left over/],
    [raw(0x80, 2, Buffer.alloc(1_000_000, '}'), '.'), /it takes more than the limit of 4000000 steps/],
    [raw(0x80, 3, Buffer.alloc(1_000_000, 'C\0'), '.'), /it takes more than the limit of 4000000 steps/],
    [Buffer.alloc(pickleLimits.bytes + 5), /opcode 0x0/],
    [raw(0x80, 4, 'N', Buffer.alloc(1_000_001, 0x94), '.'), /it remembers more than the limit of 1000000 values/],
  ] as const) {
    await bytesRefused(bytes, words)
  }
  // A long list that is made into a dict, again and again.
  const pairs = list(...Array.from({ length: 2000 }, () => tuple(text('a'), none)))
  const again = raw('h', 1, 'h', 0, 0x85, 'R0')
  const parts = [pairs, raw('q', 0), named('collections', 'OrderedDict'), raw('q', 1)]
  await bytesRefused(pickle(...parts, ...Array.from({ length: 10_000 }, () => again)), /more than the limit of 4000000/)
})

pickles('bytes beyond the limit are not looked at', async () => {
  const limits = { ...pickleLimits, bytes: 10 }
  await refused(() => read(pickle(text('much longer')), { limits }), /it is longer than the limit of 10 bytes/)
})

pickles('values that double, nest or hold themselves take no more than they say', () => {
  // Each list holds the one before twice: 2^1000 leaves.
  const doubled = pickle(raw(']q', 0), ...Array.from({ length: 1000 }, () => raw('](h', 0, 'h', 0, 'eq', 0)))
  assert.throws(() => read(doubled), /values left over/)
  const last = pickle(raw(']q', 0), ...Array.from({ length: 1000 }, () => raw('0](h', 0, 'h', 0, 'eq', 0)))
  assert.is((read(last) as unknown[]).length, 2)
  const nested = pickle(raw(']', Buffer.alloc(100_000, 0x85)))
  assert.instance(read(nested), PickleTuple)
  const itself = read(pickle(raw('}q', 0), text('self'), raw('h', 0, 's'))) as Map<string, unknown>
  assert.is(itself.get('self'), itself)
})

pickles.run()
