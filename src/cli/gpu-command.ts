import { Command } from 'commander'
import { Gpu } from '../gpu/gpu.js'
import { restartWithVulkanLoader } from '../gpu/vulkan-loader.js'

/** A command that computes on the GPU: takes --adapter, and starts itself again where the Vulkan loader is missing. */
export function gpuCommand(name: string): Command {
  return new Command(name)
    .option('--adapter <name>', 'part of the adapter’s name, as `misc doctor` lists it; default: hardware first')
    .hook('preAction', restartWithVulkanLoader)
}

/** Opens the adapter that the command was given, and frees it when the work is done, whatever came of it. */
export async function withGpu<T>(options: { adapter?: string }, work: (gpu: Gpu) => Promise<T>): Promise<T> {
  const gpu = await Gpu.open(options)
  try {
    return await work(gpu)
  } finally {
    await gpu.dispose()
  }
}
