import { InputError } from '../errors.js'
import { quote } from '../quote.js'
import { kindOf, type PickleValue } from './pickle.js'
import type { TorchStorage } from './torch-tensor.js'
import { TorchTensor } from './torch-tensor.js'

/** The parts that MoEL's program saves a model in, by the module that each is of. */
const partNames: Record<string, string> = {
  encoder_state_dict: 'encoder',
  decoder_state_dict: 'decoder',
  generator_dict: 'generator',
  decoder_key_state_dict: 'decoder_key',
  embedding_dict: 'embedding',
}

/** Dicts within dicts that are looked through. */
const deepest = 4
const mostTensors = 100_000
const longestName = 1000
/** Tensors may share storages; but all of them are not this many times the storages, and this much more. */
const largestSharing = 4
const sharingForAll = 2 ** 26

/** The weights in a checkpoint. */
export interface StateDict {
  readonly tensors: ReadonlyMap<string, TorchTensor>
  /** Names of what lies beside them and is no weight: an optimizer's state, counters, options. */
  readonly ignored: readonly string[]
}

/**
 * Finds the weights in what torch.save saved: a dict of tensors by name, alone or within others, as under `state_dict` or
 * `model`, or in the several dicts of MoEL's program, which are joined.
 *
 * @param chosen the name of the dict to look in, where there are several; `.` for the tensors beside them
 * @throws InputError when there is none, or several and none is chosen
 */
export function findStateDict(value: PickleValue, source: string, chosen?: string): StateDict {
  const ignored: string[] = []
  const tensors = search(value, source, chosen, ignored, 0)
  for (const name of tensors.keys()) {
    if (name !== '' && name.length <= longestName && name !== '__metadata__') continue
    throw new InputError(`${source}: a tensor is called ${quote(name)}; rename it`)
  }
  checkSharing(tensors, source)
  return { tensors, ignored }
}

function search(
  value: PickleValue,
  source: string,
  chosen: string | undefined,
  ignored: string[],
  depth: number,
): Tensors {
  if (!(value instanceof Map)) {
    const found = value instanceof TorchTensor ? 'one tensor' : kindOf(value)
    throw new InputError(`${source}: holds ${found}, not a dict of tensors by name; save a model's state_dict()`)
  }
  const own = tensorsOf(value, source)
  const dicts = dictsWithTensors(value)
  const take = (taken: { has(key: string): boolean }) => {
    for (const key of value.keys()) if (typeof key === 'string' && !taken.has(key)) ignored.push(key)
  }
  const choice = chosen ?? onlyChoice(own, dicts, source)
  if (choice === OWN && own.size > 0) {
    take(own)
    return own
  }
  if (choice === PARTS) {
    take(dicts)
    return joined(dicts, source)
  }
  const dict = choice === undefined ? undefined : dicts.get(choice)
  if (dict && depth < deepest) {
    take(new Set([choice]))
    return search(dict, source, undefined, ignored, depth + 1)
  }
  if (chosen === undefined) throw new InputError(`${source}: holds no tensors by name; save a model's state_dict()`)
  const there = dicts.size > 0 ? `it holds ${list(dicts)}` : 'it holds none'
  throw new InputError(`${source}: holds no dict of tensors called ${quote(chosen)}; ${there}`)
}

/** What is chosen without a word: the dict's own tensors, */
const OWN = '.'
/** all parts, */
const PARTS = Symbol('parts')

/** or the one dict in it. A single number beside others is a counter or a loss. */
function onlyChoice(own: Tensors, dicts: ReadonlyMap<string, Dict>, source: string): string | typeof PARTS | undefined {
  if (dicts.size === 0) return OWN
  const ownWeights = [...own.values()].some(({ shape }) => shape.length > 0)
  if (!ownWeights && dicts.size === 1) return [...dicts.keys()][0]
  if (!ownWeights && [...dicts.keys()].every((name) => Object.hasOwn(partNames, name))) return PARTS
  const several = ownWeights ? `tensors of its own ("${OWN}") and in dicts` : 'several dicts of tensors'
  throw new InputError(`${source}: holds ${several}, ${list(dicts)}; choose one with --state-dict NAME`)
}

function joined(parts: ReadonlyMap<string, Dict>, source: string): Tensors {
  const all = new Map<string, TorchTensor>()
  for (const [part, dict] of parts) {
    for (const [name, tensor] of tensorsOf(dict, source)) all.set(`${partNames[part]}.${name}`, tensor)
  }
  return all
}

const list = (dicts: ReadonlyMap<string, Dict>) => quote([...dicts.keys()])

type Tensors = Map<string, TorchTensor>
type Dict = Map<PickleValue, PickleValue>

function tensorsOf(dict: Dict, source: string): Tensors {
  const tensors = new Map<string, TorchTensor>()
  for (const [name, value] of dict) {
    if (typeof name === 'string' && value instanceof TorchTensor) tensors.set(name, value)
  }
  if (tensors.size <= mostTensors) return tensors
  throw new InputError(`${source}: holds ${tensors.size} tensors, more than the limit of ${mostTensors}`)
}

/** The dicts in one that hold tensors by name, at whatever depth is looked at. An optimizer numbers its own. */
function dictsWithTensors(dict: Dict): Map<string, Dict> {
  // A dict may be in many places, or in itself: it is looked through once, or again where that may go deeper.
  const without = new Map<Dict, number>()
  const withTensors = new Set<Dict>()
  const holds = (dict: Dict, depth: number): boolean => {
    if (withTensors.has(dict)) return true
    if (depth > deepest || (without.get(dict) ?? deepest + 1) <= depth) return false
    without.set(dict, depth)
    for (const [name, value] of dict) {
      if (typeof name !== 'string') continue
      if (value instanceof TorchTensor || (value instanceof Map && holds(value, depth + 1))) {
        withTensors.add(dict)
        return true
      }
    }
    return false
  }
  const found = new Map<string, Dict>()
  for (const [name, value] of dict) {
    if (typeof name === 'string' && value instanceof Map && holds(value, 0)) found.set(name, value)
  }
  return found
}

/** A small storage may stand for tensors without end: their strides are 0, or there are many of them. */
function checkSharing(tensors: ReadonlyMap<string, TorchTensor>, source: string): void {
  const storages = new Set<TorchStorage>()
  let viewed = 0
  let stored = 0
  for (const { byteLength, storage } of tensors.values()) {
    viewed += byteLength
    if (!storages.has(storage)) stored += storage.byteLength
    storages.add(storage)
  }
  if (viewed <= stored * largestSharing + sharingForAll) return
  throw new InputError(
    `${source}: its tensors would take ${viewed} bytes, but it holds ${stored}; save it with contiguous tensors`,
  )
}
