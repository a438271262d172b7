import { InputError } from '../errors.js'
import type { TensorInfo } from '../io/safetensors-header.js'
import type { TensorSpec } from './layout.js'

/** The dtypes that weights may have. */
const weightDtypes: readonly string[] = ['F32', 'F16', 'BF16']

/** What {@link checkTensors} found. */
export interface CheckedTensors {
  /**
   * Every tensor that the layout needs, by its name in the layout, those of role `identity` included. One may be held
   * under the name of a copy: read it by `info.name`.
   */
  readonly used: ReadonlyMap<string, TensorInfo & { readonly role: string }>
  /** Tensors without part in the forward pass: those of role `unused`, and any that are not known. */
  readonly unused: readonly TensorInfo[]
  /** Copies of tensors beside the one in use. */
  readonly tied: readonly TensorInfo[]
}

/**
 * Compares a checkpoint's tensors with a layout's.
 *
 * @param source the checkpoint's folder or file, and
 * @param model what the layout is of, both for messages
 * @throws InputError, one for all tensors that are missing or of a wrong shape or dtype, naming each
 */
export function checkTensors(
  tensors: ReadonlyMap<string, TensorInfo>,
  specs: readonly TensorSpec[],
  source: string,
  model: string,
): CheckedTensors {
  const used = new Map<string, TensorInfo & { role: string }>()
  const rest = new Map(tensors)
  const faults: string[] = []

  for (const { name, shape, role, copies = [] } of specs) {
    if (role === 'unused') continue
    const info = [name, ...copies].map((it) => rest.get(it)).find((it) => it !== undefined)
    const fault = info ? tensorFault(info, shape) : 'missing'
    if (info) rest.delete(info.name)
    if (fault) faults.push(`${name} (${fault})`)
    else if (info) used.set(name, { ...info, role })
  }
  if (faults.length > 0) throw new InputError(`${source}: ${describeFaults(faults, model)}`)

  const copies = new Set(specs.flatMap((it) => it.copies ?? []))
  const others = [...rest.values()]
  return {
    used,
    unused: others.filter(({ name }) => !copies.has(name)),
    tied: others.filter(({ name }) => copies.has(name)),
  }
}

function tensorFault({ shape, dtype }: TensorInfo, expected: readonly number[]): string | undefined {
  if (shape.join() !== expected.join()) return `shape [${shape}], expected [${expected}]`
  if (!weightDtypes.includes(dtype)) return `dtype ${dtype}, expected ${weightDtypes.join(', ')}`
  return undefined
}

/** Names every fault, up to a length that still reads as a message; then counts the others. */
function describeFaults(faults: readonly string[], model: string): string {
  let list = ''
  let named = 0
  for (const fault of faults) {
    if (list.length + fault.length > 2000) break
    list += `${named === 0 ? '' : '; '}${fault}`
    named++
  }
  const others = named < faults.length ? `; and ${faults.length - named} more` : ''
  return (
    `${faults.length} tensor${faults.length === 1 ? ' does' : 's do'} not fit its config.json as ${model}: ` +
    `${list}${others}; take config.json and weights from one model, or download it again`
  )
}
