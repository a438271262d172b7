import { InputError } from '../errors.js'
import { quote } from '../quote.js'

/**
 * What a pickle says: None is null, a list an array, a dict or an OrderedDict a Map (keys in order; a tuple as a key is an
 * object of its own), bytes a Uint8Array.
 */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleValue[]
  | Map<PickleValue, PickleValue>
  | PickleTuple
  | PickleRecord
  | PickleGlobal
  | PickleObject

/** A tuple. */
export class PickleTuple {
  constructor(readonly items: readonly PickleValue[]) {}
}

/** An instance of a class of known data: what it holds, and none of what it does. */
export class PickleRecord {
  /** Its attributes. */
  readonly fields = new Map<PickleValue, PickleValue>()
  /** Its entries, where its class is a kind of dict. */
  readonly entries = new Map<PickleValue, PickleValue>()
  constructor(readonly className: string) {}
}

/** Base of what a {@link PickleGlobal} makes beside plain values. */
export abstract class PickleObject {
  /** Takes the state that a pickle gives it. Throws RangeError where it takes none of that kind. */
  build(_state: PickleValue): void {
    throw new RangeError('takes no state')
  }
}

/** A name that a pickle may use, and what it stands for here. Nothing is ever imported. */
export class PickleGlobal {
  /**
   * @param call makes what the name's call makes; throws RangeError, with words, for arguments that are not as they should
   *   be. `charge` counts work that grows with them. Without it the name can be mentioned, but not called.
   */
  constructor(
    readonly name: string,
    readonly call?: (args: readonly PickleValue[], charge: (steps: number) => void) => PickleValue,
  ) {}
}

/** How much a pickle may ask for. What is beyond is refused before it is made. */
export interface PickleLimits {
  /** Bytes of all of it. */
  readonly bytes: number
  /** Opcodes, and items that are copied; what takes more memory than a number or a short text counts as several. */
  readonly steps: number
  /** Values that it remembers to mention again. */
  readonly memo: number
  /** Bytes of one string. */
  readonly text: number
  /** Tuples, lists and dicts that are open at once. */
  readonly depth: number
}

/** Far beyond any state dict's, and yet done in less than a second. */
export const pickleLimits: PickleLimits = {
  bytes: 2 ** 26,
  steps: 4_000_000,
  memo: 1_000_000,
  text: 2 ** 20,
  depth: 64,
}

/** What a pickle holds, for messages. */
export interface PickleContents {
  readonly name: string
  /** What to do about one that holds something else. */
  readonly advice: string
}

const stateDict: PickleContents = {
  name: 'a state dict',
  advice: 'only plain state dicts are read: get the file anew, or save its state dict alone',
}

/** What a pickle is read with. */
export interface PickleOptions {
  /** File and part of it, for messages. */
  readonly source: string
  /** By full name, as `collections.OrderedDict`: all that the pickle may name. */
  readonly globals: ReadonlyMap<string, PickleGlobal>
  /** What stands for an object that is kept beside the pickle; RangeError as of {@link PickleGlobal}. Default: refused. */
  readonly persistent?: (id: PickleValue) => PickleValue
  readonly limits?: PickleLimits
  /** Default: a state dict. */
  readonly contents?: PickleContents
}

/** Bytes of a whole number. The longest that torch writes has ten. */
const longestInteger = 32

/** Steps that a dict, an instance with two, or bytes count as beside their opcode: so that memory is bounded as well. */
export const stepsOf = { dict: 16, record: 32, bytes: 8 } as const

/** Opcodes that no state dict needs, by what they are called. */
const refusedOpcodes: Record<number, string> = {
  70: 'FLOAT',
  80: 'PERSID',
  83: 'STRING',
  86: 'UNICODE',
  100: 'DICT',
  103: 'GET',
  105: 'INST',
  108: 'LIST',
  111: 'OBJ',
  112: 'PUT',
  130: 'EXT1',
  131: 'EXT2',
  132: 'EXT4',
  143: 'EMPTY_SET',
  144: 'ADDITEMS',
  145: 'FROZENSET',
  146: 'NEWOBJ_EX',
  150: 'BYTEARRAY8',
  151: 'NEXT_BUFFER',
  152: 'READONLY_BUFFER',
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Reads one pickle as data: with the opcodes and the names that a state dict needs, and no others. Nothing is imported or
 * run, whatever the bytes say.
 *
 * @param bytes what begins with the pickle; more may follow
 * @returns what it holds, and how many bytes it takes. Values may be shared, hold themselves, and be nested to any depth:
 *   whoever walks through them limits how far.
 * @throws InputError that names what is refused, what is damaged, or the limit
 */
export function readPickle(bytes: Uint8Array, options: PickleOptions): { value: PickleValue; length: number } {
  const machine = new PickleMachine(bytes, options)
  return { value: machine.run(), length: machine.at }
}

class PickleMachine {
  at = 0
  #steps = 0
  readonly #stack: PickleValue[] = []
  /** Where in the stack an open collection begins. */
  readonly #marks: number[] = []
  /** An array, which takes millions of values much faster than a Map. */
  readonly #memo: PickleValue[] = []
  #remembered = 0
  readonly #view: DataView
  readonly #end: number
  readonly #limits: PickleLimits
  readonly #contents: PickleContents

  constructor(
    readonly bytes: Uint8Array,
    readonly options: PickleOptions,
  ) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#limits = options.limits ?? pickleLimits
    this.#contents = options.contents ?? stateDict
    this.#end = Math.min(bytes.length, this.#limits.bytes)
  }

  run(): PickleValue {
    for (;;) {
      this.#charge(1)
      const opcode = this.#u8()
      if (opcode === 46) break
      this.#step(opcode)
    }
    const value = this.#pop()
    if (this.#stack.length > 0 || this.#marks.length > 0) throw this.#fail('it ends with values left over')
    return value
  }

  #step(opcode: number): void {
    const value = this.#plainValue(opcode) ?? this.#madeValue(opcode)
    if (value !== undefined) this.#stack.push(value)
    else if (opcode === 78) this.#stack.push(null)
    else this.#act(opcode)
  }

  /** What an opcode that is followed by a value pushes. */
  #plainValue(opcode: number): PickleValue | undefined {
    switch (opcode) {
      case 0x88: // NEWTRUE
        return true
      case 0x89: // NEWFALSE
        return false
      case 73: // INT
        return this.#intLine()
      case 76: // LONG
        return this.#longLine()
      case 74: // BININT
        return this.#view.getInt32(this.#take(4), true)
      case 75: // BININT1
        return this.#u8()
      case 77: // BININT2
        return this.#view.getUint16(this.#take(2), true)
      case 0x8a: // LONG1
        return this.#integer(this.#u8())
      case 0x8b: // LONG4
        return this.#integer(this.#view.getInt32(this.#take(4), true))
      case 71: // BINFLOAT
        return this.#view.getFloat64(this.#take(8))

      case 85: // SHORT_BINSTRING
        return this.#string(this.#u8())
      case 84: // BINSTRING
        return this.#string(this.#view.getInt32(this.#take(4), true))
      case 0x8c: // SHORT_BINUNICODE
        return this.#text(this.#u8())
      case 88: // BINUNICODE
        return this.#text(this.#u32())
      case 0x8d: // BINUNICODE8
        return this.#text(this.#u64())
      case 67: // SHORT_BINBYTES
        return this.#bytes(this.#u8())
      case 66: // BINBYTES
        return this.#bytes(this.#u32())
      case 0x8e: // BINBYTES8
        return this.#bytes(this.#u64())
      default:
        return undefined
    }
  }

  /** What an opcode that works with other values pushes. */
  #madeValue(opcode: number): PickleValue | undefined {
    switch (opcode) {
      case 41: // EMPTY_TUPLE
        return new PickleTuple([])
      case 0x85: // TUPLE1
      case 0x86: // TUPLE2
      case 0x87: // TUPLE3
        return new PickleTuple(this.#popSome(opcode - 0x84))
      case 116: // TUPLE
        return new PickleTuple(this.#popMark())
      case 93: // EMPTY_LIST
        return []
      case 125: // EMPTY_DICT
        this.#charge(stepsOf.dict)
        return new Map()
      case 50: // DUP
        return this.#top()
      case 104: // BINGET
        return this.#recall(this.#u8())
      case 106: // LONG_BINGET
        return this.#recall(this.#u32())
      case 99: // GLOBAL
        return this.#global(this.#line(), this.#line())
      case 0x93: {
        // STACK_GLOBAL
        const [module, name] = this.#popSome(2)
        if (typeof module !== 'string' || typeof name !== 'string') throw this.#fail('a name is no string')
        return this.#global(module, name)
      }
      case 82: // REDUCE
      case 0x81: // NEWOBJ
        return this.#call()
      case 81: // BINPERSID
        return this.#persistent()
      default:
        return undefined
    }
  }

  /** What an opcode that pushes nothing does. */
  #act(opcode: number): void {
    switch (opcode) {
      case 0x80: // PROTO
        if (this.#u8() > 5) throw this.#fail(`protocol ${this.bytes[this.at - 1]} is unknown`)
        return
      case 0x95: // FRAME: the bytes that follow belong together.
        if (this.#u64() > this.#end - this.at) throw this.#fail('a frame goes past its end')
        return
      case 40: // MARK
        if (this.#marks.length >= this.#limits.depth)
          throw this.#beyond('it is nested deeper', this.#limits.depth, 'levels')
        this.#marks.push(this.#stack.length)
        return
      case 48: // POP
        // As Python does, it takes a mark where that is on top.
        if (this.#marks.at(-1) === this.#stack.length) this.#marks.pop()
        else this.#pop()
        return
      case 49: // POP_MARK
        this.#popMark()
        return
      case 97: // APPEND
        this.#append([this.#pop()])
        return
      case 101: // APPENDS
        this.#append(this.#popMark())
        return
      case 115: // SETITEM
        this.#setItems(this.#popSome(2))
        return
      case 117: // SETITEMS
        this.#setItems(this.#popMark())
        return
      case 113: // BINPUT
        this.#remember(this.#u8())
        return
      case 114: // LONG_BINPUT
        this.#remember(this.#u32())
        return
      case 0x94: // MEMOIZE
        this.#remember(this.#remembered)
        return
      case 98: // BUILD
        this.#build()
        return
      default:
        throw this.#fail(
          `opcode ${refusedOpcodes[opcode] ?? `0x${opcode.toString(16)}`} is no part of ${this.#contents.name}`,
        )
    }
  }

  // ——— bytes

  /** Goes past some bytes; gives where they begin. */
  #take(count: number): number {
    const start = this.at
    if (count < 0) throw this.#fail(`a length of ${count}`)
    if (count > this.#end - start) {
      if (this.#end === this.bytes.length) throw this.#fail(`${count} bytes are announced, past its end`)
      throw this.#beyond('it is longer', this.#limits.bytes, 'bytes')
    }
    this.at += count
    return start
  }

  #u8(): number {
    return this.bytes[this.#take(1)]!
  }

  #u32(): number {
    return this.#view.getUint32(this.#take(4), true)
  }

  /** Exact below 2^53, and beyond that still more than any file has. */
  #u64(): number {
    return Number(this.#view.getBigUint64(this.#take(8), true))
  }

  #raw(count: number): Uint8Array {
    if (count > this.#limits.text && count <= this.#end - this.at) {
      throw this.#beyond('one string is longer', this.#limits.text, 'bytes')
    }
    const start = this.#take(count)
    return this.bytes.subarray(start, start + count)
  }

  #bytes(count: number): Uint8Array {
    this.#charge(stepsOf.bytes)
    return this.#raw(count)
  }

  #text(count: number): string {
    const raw = this.#raw(count)
    try {
      return utf8.decode(raw)
    } catch {
      throw this.#fail('a string is not UTF-8')
    }
  }

  /** A string of Python 2, which does not say how it is encoded. */
  #string(count: number): string {
    const raw = this.#raw(count)
    try {
      return utf8.decode(raw)
    } catch {
      return latin1(raw)
    }
  }

  /** A line's text, without its end. */
  #line(): string {
    const from = this.bytes.subarray(this.at, Math.min(this.#end, this.at + 1000))
    const length = from.indexOf(10)
    if (length < 0) throw this.#fail('a line does not end')
    const text = latin1(from.subarray(0, length))
    this.at += length + 1
    return text
  }

  #intLine(): boolean | number | bigint {
    const line = this.#line()
    if (line === '00' || line === '01') return line === '01'
    return this.#decimal(line)
  }

  #longLine(): number | bigint {
    return this.#decimal(this.#line().replace(/L$/, ''))
  }

  #decimal(digits: string): number | bigint {
    if (!/^-?\d{1,80}$/.test(digits)) throw this.#fail(`${quote(digits)} is no whole number`)
    return plain(BigInt(digits))
  }

  /** A whole number: two's complement, the lowest byte first. */
  #integer(count: number): number | bigint {
    if (count > longestInteger) throw this.#beyond('a whole number is longer', longestInteger, 'bytes')
    const start = this.#take(count)
    let value = 0n
    for (let i = count - 1; i >= 0; i--) value = (value << 8n) | BigInt(this.bytes[start + i]!)
    return plain(BigInt.asIntN(8 * count, value))
  }

  // ——— stack and memo

  /** Values below an open mark are out of reach. */
  get #floor(): number {
    return this.#marks.at(-1) ?? 0
  }

  #top(): PickleValue {
    if (this.#stack.length <= this.#floor) throw this.#fail('a value is missing')
    return this.#stack.at(-1)!
  }

  #pop(): PickleValue {
    const value = this.#top()
    this.#stack.pop()
    return value
  }

  #popSome(count: number): PickleValue[] {
    if (this.#stack.length - count < this.#floor) throw this.#fail('a value is missing')
    return this.#stack.splice(-count, count)
  }

  #popMark(): PickleValue[] {
    const start = this.#marks.pop()
    if (start === undefined) throw this.#fail('a collection ends that did not begin')
    return this.#stack.splice(start)
  }

  #remember(key: number): void {
    // Keys are counted up.
    if (key >= this.#limits.memo) throw this.#beyond('it remembers more', this.#limits.memo, 'values')
    if (this.#memo[key] === undefined) this.#remembered++
    this.#memo[key] = this.#top()
  }

  #recall(key: number): PickleValue {
    const value = this.#memo[key]
    if (value === undefined) throw this.#fail(`it mentions value ${key}, which it did not remember`)
    return value
  }

  // ——— collections and objects

  #append(items: readonly PickleValue[]): void {
    const list = this.#top()
    if (!Array.isArray(list)) throw this.#fail(`items are added to ${kindOf(list)}`)
    for (const item of items) list.push(item)
  }

  #setItems(items: readonly PickleValue[]): void {
    const target = this.#top()
    const entries = target instanceof PickleRecord ? target.entries : target
    if (!(entries instanceof Map)) throw this.#fail(`entries are added to ${kindOf(target)}`)
    if (items.length % 2 !== 0) throw this.#fail('an entry has no value')
    for (let i = 0; i < items.length; i += 2) {
      const key = items[i]!
      if (typeof key === 'object' && key !== null && !(key instanceof PickleTuple)) {
        throw this.#fail(`${kindOf(key)} is a key`)
      }
      entries.set(key, items[i + 1]!)
    }
  }

  #global(module: string, name: string): PickleGlobal {
    const full = `${module}.${name}`
    const global = this.options.globals.get(full)
    if (global) return global
    throw this.#fail(`it names ${quote(full)}, which is no part of ${this.#contents.name}`)
  }

  #call(): PickleValue {
    const [callee, args] = this.#popSome(2) as [PickleValue, PickleValue]
    if (!(callee instanceof PickleGlobal)) throw this.#fail(`it calls ${kindOf(callee)}`)
    if (!(args instanceof PickleTuple)) throw this.#fail(`it calls ${callee.name} with ${kindOf(args)}`)
    const { name, call } = callee
    if (!call) throw this.#fail(`it calls ${name}`)
    return this.#worded(name, () => call(args.items, (steps) => this.#charge(steps)))
  }

  #build(): void {
    const state = this.#pop()
    const target = this.#top()
    if (target instanceof PickleObject) {
      this.#worded(kindOf(target), () => target.build(state))
      return
    }
    if (!(state instanceof Map)) throw this.#fail(`the state of ${kindOf(target)} is ${kindOf(state)}`)
    // An OrderedDict may have attributes, as a state dict has its `_metadata`: nothing reads them.
    if (target instanceof Map) return
    if (!(target instanceof PickleRecord)) throw this.#fail(`${kindOf(target)} is given a state`)
    this.#charge(state.size)
    for (const [key, value] of state) target.fields.set(key, value)
  }

  #persistent(): PickleValue {
    const id = this.#pop()
    const { persistent } = this.options
    if (!persistent) throw this.#fail('opcode BINPERSID is in no pickle of this kind')
    return this.#worded('an object beside it', () => persistent(id))
  }

  // ——— faults

  /** Does work whose RangeErrors say what is wrong with what it was given. */
  #worded<T>(what: string, work: () => T): T {
    try {
      return work()
    } catch (error) {
      if (error instanceof RangeError) throw this.#fail(`${what} ${error.message}`)
      throw error
    }
  }

  #charge(steps: number): void {
    this.#steps += steps
    if (this.#steps > this.#limits.steps) throw this.#beyond('it takes more', this.#limits.steps, 'steps')
  }

  #beyond(what: string, limit: number, unit: string): InputError {
    return this.#fail(`${what} than the limit of ${limit} ${unit}`)
  }

  #fail(what: string): InputError {
    return new InputError(`${this.options.source}: ${what} (byte ${this.at} of a pickle); ${this.#contents.advice}`)
  }
}

/** A character for every byte. (TextDecoder's Latin-1 is another encoding.) */
function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}

/** A number where that is exact. */
function plain(value: bigint): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

/** What a value is, for messages: never what it holds, which may be endless. */
export function kindOf(value: PickleValue | undefined): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'None'
  if (value instanceof PickleGlobal) return value.name
  if (value instanceof PickleRecord) return `an instance of ${value.className}`
  if (value instanceof PickleTuple) return 'a tuple'
  if (value instanceof Map) return 'a dict'
  if (value instanceof Uint8Array) return 'bytes'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'string') return 'a string'
  if (typeof value === 'boolean') return 'a bool'
  return typeof value === 'object' ? 'an object' : 'a number'
}
