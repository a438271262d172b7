import { Command, Option } from 'commander'
import type { Gpu } from '../gpu/gpu.js'
import { type WeightDtype, weightDtypes } from '../gpu/tensor.js'
import { openGpu } from '../platform/node/open-gpu.js'
import { adoptTuning } from '../platform/node/tuning-file.js'

/** The flags that {@link gpuCommand} adds. */
export interface GpuFlags {
  readonly adapter?: string
  readonly dtype?: WeightDtype
}

/**
 * A command that computes with a model on the GPU: takes --adapter and --dtype.
 *
 * @param dtype what --dtype is unless it is named; default: what the files hold without loss
 */
export function gpuCommand(name: string, dtype?: WeightDtype): Command {
  return new Command(name).addOption(adapterOption()).addOption(dtypeOption(dtype))
}

/** `--adapter`. */
export function adapterOption(): Option {
  return new Option(
    '--adapter <name>',
    'part of the adapter’s name, as `misc doctor` lists it; default: hardware first',
  )
}

/** `--dtype`. */
export function dtypeOption(dtype?: WeightDtype): Option {
  const option = new Option('--dtype <format>', 'number format of weight matrices on the GPU').choices(weightDtypes)
  return option.default(dtype, dtype ?? 'f16 where the files hold all of them so, else f32')
}

/** Opens the adapter that the command was given, with the kernels chosen for it, and frees it when the work is done. */
export async function withGpu<T>({ adapter }: GpuFlags, work: (gpu: Gpu) => Promise<T>): Promise<T> {
  const gpu = await openGpu({ adapter })
  try {
    await adoptTuning(gpu, (message) => process.stderr.write(`misc: ${message}\n`))
    return await work(gpu)
  } finally {
    await gpu.dispose()
  }
}
