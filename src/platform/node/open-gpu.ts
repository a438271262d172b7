import { availableParallelism } from 'node:os'
import { Gpu, type GpuOptions } from '../../gpu/gpu.js'
import type { Platform } from '../../gpu/platform.js'
import { openAdapter } from './adapter.js'
import { shaders } from './packaged.js'

/** Nobody notifies it: waiting on it is sleeping. */
const restCell = new Int32Array(new SharedArrayBuffer(4))

const node: Platform = {
  shaders,
  cores: availableParallelism(),
  rest(milliseconds) {
    Atomics.wait(restCell, 0, 0, milliseconds)
    return new Promise((resolve) => setImmediate(resolve))
  },
}

/** How to open a device. */
export interface OpenGpuOptions extends GpuOptions {
  /** Part of the adapter's name, in any case; without it hardware comes first, then software. */
  readonly adapter?: string | undefined
}

/**
 * Opens the best adapter, or the one named.
 *
 * @throws NoAdapterError where there is none, or none of that name
 */
export async function openGpu({ adapter: wanted, ...options }: OpenGpuOptions = {}): Promise<Gpu> {
  const { adapter, info } = await openAdapter(wanted)
  return Gpu.open(adapter, info, node, options)
}
