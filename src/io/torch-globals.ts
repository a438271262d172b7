import { quote } from '../quote.js'
import type { Dtype } from './dtype.js'
import { dtypeBits } from './dtype.js'
import { kindOf, PickleGlobal, PickleTuple, type PickleValue } from './pickle.js'
import { dataGlobals } from './pickle-globals.js'
import { TorchStorage, TorchStoragePart, TorchTensor } from './torch-tensor.js'

/** By the name of a class of storages. */
const storageDtypes: Record<string, Dtype> = {
  DoubleStorage: 'F64',
  FloatStorage: 'F32',
  HalfStorage: 'F16',
  BFloat16Storage: 'BF16',
  LongStorage: 'I64',
  IntStorage: 'I32',
  ShortStorage: 'I16',
  CharStorage: 'I8',
  ByteStorage: 'U8',
  BoolStorage: 'BOOL',
  ComplexFloatStorage: 'C64',
}
const untypedStorages = ['torch.storage.UntypedStorage', 'torch.storage._UntypedStorage', 'torch.UntypedStorage']

/** By torch's name of a dtype. */
const dtypes: Record<string, Dtype> = {
  float64: 'F64',
  double: 'F64',
  float32: 'F32',
  float: 'F32',
  float16: 'F16',
  half: 'F16',
  bfloat16: 'BF16',
  int64: 'I64',
  long: 'I64',
  int32: 'I32',
  int: 'I32',
  int16: 'I16',
  short: 'I16',
  int8: 'I8',
  uint8: 'U8',
  uint16: 'U16',
  uint32: 'U32',
  uint64: 'U64',
  bool: 'BOOL',
  complex64: 'C64',
}

const mostDimensions = 16
type Call = NonNullable<PickleGlobal['call']>

/** All that a torch checkpoint may name. */
export function torchGlobals(): Map<string, PickleGlobal> {
  const globals = dataGlobals()
  const add = (name: string, call?: Call) => globals.set(name, new PickleGlobal(name, call))
  for (const name of Object.keys(storageDtypes)) add(`torch.${name}`)
  for (const name of untypedStorages) add(name)
  for (const name of Object.keys(dtypes)) add(`torch.${name}`)
  add('torch._utils._rebuild_tensor', rebuildTensor)
  add('torch._utils._rebuild_tensor_v2', rebuildTensor)
  add('torch._utils._rebuild_tensor_v3', rebuildTensorOfDtype)
  add('torch._utils._rebuild_parameter', rebuildParameter)
  add('torch._utils._rebuild_parameter_with_state', rebuildParameter)
  add('torch.Size', ([sizes]) => {
    if (sizes instanceof PickleTuple) return sizes
    throw new RangeError(`is made of ${kindOf(sizes)}`)
  })
  add('torch.device', ([name]) => {
    if (typeof name === 'string') return name
    throw new RangeError(`is ${kindOf(name)}`)
  })
  return globals
}

/** (storage, offset, size, stride, …) */
const rebuildTensor: Call = ([storage, offset, size, stride]) => tensor(storage, offset, size, stride, undefined)

/** (storage, offset, size, stride, requires_grad, backward_hooks, dtype, …) */
const rebuildTensorOfDtype: Call = ([storage, offset, size, stride, , , type]) => {
  const dtype = type instanceof PickleGlobal ? dtypes[type.name.replace('torch.', '')] : undefined
  if (!dtype) throw new RangeError(`has ${kindOf(type)} as its dtype`)
  return tensor(storage, offset, size, stride, dtype)
}

const rebuildParameter: Call = ([data]) => {
  if (data instanceof TorchTensor) return data
  throw new RangeError(`is of ${kindOf(data)}`)
}

/** Makes a tensor, once it is sure that its storage holds every element of it. */
function tensor(
  memory: PickleValue | undefined,
  start: PickleValue | undefined,
  size: PickleValue | undefined,
  stride: PickleValue | undefined,
  type: Dtype | undefined,
): TorchTensor {
  const part = memory instanceof TorchStoragePart ? memory : undefined
  const storage = part?.storage ?? memory
  if (!(storage instanceof TorchStorage)) throw new RangeError(`has ${kindOf(memory)} as its storage`)
  const dtype = type ?? storage.dtype
  if (!dtype) throw new RangeError('has a storage without dtype')
  if (type && storage.dtype && type !== storage.dtype)
    throw new RangeError(`is ${type} in a storage of ${storage.dtype}`)
  const [shape, strides] = [sizes(size, 'sizes'), sizes(stride, 'strides')]
  if (shape.length !== strides.length) throw new RangeError(`has ${shape.length} sizes, but ${strides.length} strides`)
  const first = whole(start, 'offset')

  let count = 1
  let last = first
  for (const [axis, length] of shape.entries()) {
    count *= length
    // Of every part of the product, as a safetensors file needs it: sizes after these may be 0.
    if (count > Number.MAX_SAFE_INTEGER) throw new RangeError('has more elements than can be counted')
    last += (length - 1) * strides[axis]!
  }
  const room = part?.elements ?? Math.floor((storage.byteLength * 8) / dtypeBits(dtype))
  if (count > 0 && !(last < room)) throw new RangeError(`goes past the end of its storage, which has ${room} elements`)
  return new TorchTensor(storage, dtype, shape, strides, (part?.firstElement ?? 0) + first)
}

function sizes(value: PickleValue | undefined, what: string): number[] {
  if (!(value instanceof PickleTuple)) throw new RangeError(`has ${kindOf(value)} as its ${what}`)
  if (value.items.length > mostDimensions) throw new RangeError(`has more than ${mostDimensions} dimensions`)
  return value.items.map((it) => whole(it, what))
}

function whole(value: PickleValue | undefined, what: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
  const found = typeof value === 'number' ? value : kindOf(value)
  throw new RangeError(`has ${found} in its ${what}, not a whole number from 0 on`)
}

/** The storages that a checkpoint mentions, by key. */
export class TorchStorages {
  readonly byKey = new Map<string, TorchStorage>()

  /** What stands for ('storage', its class, key, device, elements[, (key, first element, elements) of a part]). */
  readonly persistent = (id: PickleValue): PickleValue => {
    const [kind, type, key, , size, part] = id instanceof PickleTuple ? id.items : []
    if (kind === 'module') throw new RangeError('is a whole module, with its program; save its state_dict() instead')
    if (kind !== 'storage') throw new RangeError(`is ${typeof kind === 'string' ? quote(kind) : kindOf(kind)}`)
    if (!(type instanceof PickleGlobal)) throw new RangeError(`is a storage of the class ${kindOf(type)}`)
    const dtype = storageDtypes[type.name.replace('torch.', '')]
    if (!dtype && !untypedStorages.includes(type.name)) throw new RangeError(`is a storage of the class ${type.name}`)
    if (typeof key !== 'string' || key.length > 100) throw new RangeError(`is a storage with ${kindOf(key)} as its key`)
    const elements = whole(size, 'length')
    const storage = this.#storage(key, dtype, (elements * dtypeBits(dtype ?? 'U8')) / 8)
    if (part === undefined || part === null) return storage
    const [, first, length] = part instanceof PickleTuple ? part.items : []
    const [start, count] = [whole(first, 'part'), whole(length, 'part')]
    if (!(start + count <= elements)) throw new RangeError('is a part that goes past the end of its storage')
    return new TorchStoragePart(storage, start, count)
  }

  #storage(key: string, dtype: Dtype | undefined, byteLength: number): TorchStorage {
    const known = this.byKey.get(key)
    if (known && (known.dtype !== dtype || known.byteLength !== byteLength)) {
      throw new RangeError(`is storage ${quote(key)}, of which it says two things`)
    }
    const storage = known ?? new TorchStorage(key, dtype, byteLength)
    this.byKey.set(key, storage)
    return storage
  }
}
