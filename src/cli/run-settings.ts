import { InvalidArgumentError } from 'commander'
import { type WeightDtype, weightDtypes } from '../gpu/tensor.js'
import { microbenchmarks } from '../tune/microbenchmarks.js'

/** What one run of a model may do otherwise than another. */
export interface RunSettings {
  readonly adapter?: string | undefined
  readonly dtype: WeightDtype
  /** Kernel variants by op, where they are not chosen. */
  readonly kernels?: Readonly<Record<string, string>>
}

/** Reads `adapter=NAME`, `dtype=FORMAT` and `kernels=OP:VARIANT,…`, one after the other. */
export function readSetting(text: string, before: Partial<RunSettings> = {}): Partial<RunSettings> {
  const [key = '', value = ''] = text.split(/=(.*)/s)
  if (value === '') throw new InvalidArgumentError('It must be adapter=…, dtype=… or kernels=….')
  if (key in before) throw new InvalidArgumentError(`${key} is given twice.`)
  if (key === 'adapter') return { ...before, adapter: value }
  if (key === 'kernels') return { ...before, kernels: readKernels(value) }
  const dtype = weightDtypes.find((it) => it === value)
  if (key === 'dtype' && dtype) return { ...before, dtype }
  throw new InvalidArgumentError(`It must be adapter=…, dtype=${weightDtypes.join('|')} or kernels=….`)
}

function readKernels(text: string): Record<string, string> {
  const ops = Object.keys(microbenchmarks)
  return Object.fromEntries(
    text.split(',').map((pair) => {
      const [op = '', variant] = pair.split(':')
      if (ops.includes(op) && variant) return [op, variant]
      throw new InvalidArgumentError(`kernels=… takes OP:VARIANT, with OP one of ${ops.join(', ')}.`)
    }),
  )
}

/** `f16 with kernels gemv:plain on llvmpipe` */
export function settingsWords({ dtype, kernels = {} }: RunSettings, adapter: string): string {
  const named = Object.entries(kernels).map((pair) => pair.join(':'))
  return `${dtype}${named.length > 0 ? ` with kernels ${named.join(', ')}` : ''} on ${adapter}`
}
