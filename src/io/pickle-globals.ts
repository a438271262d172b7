import { quote } from '../quote.js'
import { f16ToF32 } from './half.js'
import { kindOf, PickleGlobal, PickleObject, PickleRecord, PickleTuple, type PickleValue, stepsOf } from './pickle.js'

/** Classes of other programs that only hold data; an instance comes out as a {@link PickleRecord}. */
const recordClasses = [
  // COMET-2019's options: a dict whose entries are attributes.
  'utils.utils.DD',
  // The vocabulary of MoEL and MIME.
  'utils.data_reader.Lang',
  'argparse.Namespace',
]

/** Longest text that `_codecs.encode` is given: numpy's widest number has 16 bytes. */
const longestEncoded = 64

type Call = NonNullable<PickleGlobal['call']>

/** Names of Python's own and of numpy's that data in a checkpoint may need. */
export function dataGlobals(): Map<string, PickleGlobal> {
  const globals = new Map<string, PickleGlobal>()
  const add = (call: Call | undefined, ...names: string[]) => {
    for (const name of names) globals.set(name, new PickleGlobal(name, call))
  }
  add(orderedDict, 'collections.OrderedDict')
  add(encode, '_codecs.encode')
  add(reconstructor, 'copyreg._reconstructor', 'copy_reg._reconstructor')
  // What `_reconstructor` names as the base of a class.
  for (const base of ['object', 'dict']) add(undefined, `builtins.${base}`, `__builtin__.${base}`)
  add(numpyDtype, 'numpy.dtype')
  add(numpyScalar, 'numpy.core.multiarray.scalar', 'numpy._core.multiarray.scalar')
  for (const name of recordClasses) add((args, charge) => emptyRecord(name, args, charge), name)
  return globals
}

function emptyRecord(name: string, args: readonly PickleValue[], charge: (steps: number) => void): PickleRecord {
  charge(stepsOf.record)
  if (args.length > 0) throw new RangeError('is made with arguments')
  return new PickleRecord(name)
}

/** Empty, or (Python 2) of a list of pairs. */
const orderedDict: Call = (args, charge) => {
  charge(stepsOf.dict)
  const dict = new Map<PickleValue, PickleValue>()
  if (args.length === 0) return dict
  const [pairs] = args
  if (args.length > 1 || !Array.isArray(pairs)) throw new RangeError('is not made of a list')
  charge(pairs.length)
  for (const pair of pairs) {
    const items = pair instanceof PickleTuple ? pair.items : pair
    if (!Array.isArray(items) || items.length !== 2 || typeof items[0] !== 'string') {
      throw new RangeError('is not made of pairs of a name and a value')
    }
    dict.set(items[0], items[1])
  }
  return dict
}

/** How protocol 2 writes bytes: as the text that Latin-1 makes of them. */
const encode: Call = ([text, encoding]) => {
  if (typeof text !== 'string' || encoding !== 'latin1') throw new RangeError('is given something else than Latin-1')
  if (text.length > longestEncoded) throw new RangeError(`is given more than ${longestEncoded} characters`)
  return latin1Bytes(text)
}

function latin1Bytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => {
    const code = character.charCodeAt(0)
    if (code > 255 || character.length > 1) throw new RangeError('is given a character beyond Latin-1')
    return code
  })
}

/** How protocols 0 and 1 make an instance: its class, the class that holds its value, and that value. */
const reconstructor: Call = ([type, base, value], charge) => {
  const name = type instanceof PickleGlobal ? type.name : undefined
  if (!name || !recordClasses.includes(name)) throw new RangeError(`makes ${kindOf(type)}`)
  charge(stepsOf.record)
  const record = new PickleRecord(name)
  const baseName = base instanceof PickleGlobal ? base.name.replace(/^.*\./, '') : undefined
  if (baseName === 'dict' && value instanceof Map) {
    charge(value.size)
    for (const [key, item] of value) record.entries.set(key, item)
  } else if (baseName !== 'object' || value !== null) {
    throw new RangeError(`makes ${name} of ${kindOf(base)} and ${kindOf(value)}`)
  }
  return record
}

/** The type of a numpy value: its kind and bytes, as `f8`, or `U12`, a text's characters; and the order of its bytes. */
class NumpyDtype extends PickleObject {
  isBigEndian = false
  constructor(readonly code: string) {
    super()
  }

  override build(state: PickleValue): void {
    const order = state instanceof PickleTuple ? state.items[1] : undefined
    if (order !== '<' && order !== '>' && order !== '|' && order !== '=') throw new RangeError('has no order of bytes')
    this.isBigEndian = order === '>'
  }
}

const numpyDtype: Call = ([code]) => {
  if (typeof code !== 'string' || !(Object.hasOwn(numberReaders, code) || /^U\d{1,4}$/.test(code))) {
    const found = typeof code === 'string' ? quote(code) : kindOf(code)
    throw new RangeError(`is ${found}, which is no number's and no text's`)
  }
  return new NumpyDtype(code)
}

/** A number or a text of numpy's: its type and its bytes. */
const numpyScalar: Call = ([dtype, bytes], charge) => {
  if (!(dtype instanceof NumpyDtype)) throw new RangeError(`has ${kindOf(dtype)} as its type`)
  const raw = typeof bytes === 'string' ? latin1Bytes(bytes) : bytes
  const isText = dtype.code.startsWith('U')
  if (!(raw instanceof Uint8Array) || raw.length !== Number(dtype.code.slice(1)) * (isText ? 4 : 1)) {
    throw new RangeError(`is ${dtype.code}, but not of so many bytes`)
  }
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength)
  charge(view.byteLength)
  return isText ? utf32(view, !dtype.isBigEndian) : numberReaders[dtype.code]!(view, !dtype.isBigEndian)
}

/** A text of four bytes a character, filled up with zeros. */
function utf32(view: DataView, little: boolean): string {
  let end = view.byteLength
  while (end > 0 && view.getUint32(end - 4, little) === 0) end -= 4
  let text = ''
  for (let at = 0; at < end; at += 4) {
    const code = view.getUint32(at, little)
    if (code > 0x10ffff) throw new RangeError('has a character beyond Unicode')
    text += String.fromCodePoint(code)
  }
  return text
}

const numberReaders: Record<string, (view: DataView, little: boolean) => number | bigint | boolean> = {
  b1: (view) => view.getUint8(0) !== 0,
  i1: (view) => view.getInt8(0),
  u1: (view) => view.getUint8(0),
  i2: (view, little) => view.getInt16(0, little),
  u2: (view, little) => view.getUint16(0, little),
  i4: (view, little) => view.getInt32(0, little),
  u4: (view, little) => view.getUint32(0, little),
  i8: (view, little) => exact(view.getBigInt64(0, little)),
  u8: (view, little) => exact(view.getBigUint64(0, little)),
  f2: (view, little) => {
    const value = new Float32Array(1)
    f16ToF32(Uint16Array.of(view.getUint16(0, little)), value)
    return value[0]!
  },
  f4: (view, little) => view.getFloat32(0, little),
  f8: (view, little) => view.getFloat64(0, little),
}

function exact(value: bigint): number | bigint {
  return Number.isSafeInteger(Number(value)) ? Number(value) : value
}
