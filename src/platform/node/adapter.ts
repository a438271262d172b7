import { isMainThread } from 'node:worker_threads'
import { NoAdapterError } from '../../errors.js'
import { type AdapterCandidate, type AdapterInfo, type AdapterSource, describeAdapter } from '../../gpu/adapter-info.js'
import { findSwiftShader, type SwiftShader, swiftShaderPackage } from './swiftshader.js'
import { hasVulkanDriver, hasVulkanLoader, provideVulkanLoader } from './vulkan-loader.js'

/** @internal An adapter and what it is. */
export interface OpenAdapter {
  readonly adapter: GPUAdapter
  readonly info: AdapterInfo
}

const softwareNames = /llvmpipe|lavapipe|swiftshader|softpipe|basic.render|warp/i

/** What Dawn is asked for. Timestamps come in steps of 65.5 µs otherwise, against spying web pages; kernels are shorter. */
export const dawnOptions = ['disable-dawn-features=timestamp_quantization']

/** Users say "lavapipe"; the driver calls itself llvmpipe. */
const aliases: Record<string, string> = { lavapipe: 'llvmpipe' }

/** Environment changes that steer the Vulkan loader are made for one call at a time. */
let turn: Promise<unknown> = Promise.resolve()

function withDrivers<T>(icd: string | undefined, work: () => Promise<T>): Promise<T> {
  const run = async () => {
    if (!icd) return work()
    const saved = { VK_ICD_FILENAMES: process.env.VK_ICD_FILENAMES, VK_DRIVER_FILES: process.env.VK_DRIVER_FILES }
    Object.assign(process.env, { VK_ICD_FILENAMES: icd, VK_DRIVER_FILES: icd })
    try {
      return await work()
    } finally {
      for (const [name, value] of Object.entries(saved)) {
        if (value === undefined) delete process.env[name]
        else process.env[name] = value
      }
    }
  }
  const result = turn.then(run)
  turn = result.catch(() => {})
  return result
}

/**
 * Dawn instances, by what they were made with. They are kept while the process lives, which holds up its end no longer
 * than their devices do: Dawn looks for finished work on the event loop, and would do so in an instance that the garbage
 * collector had taken.
 */
const instances = new Map<string, GPU>()

/**
 * Each makes Dawn warn twice on stderr about lavapipe's limits (`maxDynamic…BuffersPerPipelineLayout artificially reduced`).
 * No option of Dawn or of the driver prevents that, and Node cannot redirect what native code writes there.
 */
async function instanceOf(source: AdapterSource, dawnName: string): Promise<GPU> {
  // A module, which CommonJS (a bundle's, for one) cannot require before Node 20.19.
  const { create } = await import('webgpu')
  const key = `${source} ${dawnName}`
  const instance = instances.get(key) ?? create([`adapter=${dawnName}`, ...dawnOptions])
  instances.set(key, instance)
  return instance
}

/** An adapter, and the part of its name by which Dawn opens it: '' for whichever it likes best. */
interface FoundAdapter extends AdapterCandidate {
  readonly dawnName: string
}

async function open(source: AdapterSource, dawnName: string): Promise<GPUAdapter | null> {
  const instance = await instanceOf(source, dawnName)
  return instance.requestAdapter({ powerPreference: 'high-performance' })
}

/**
 * Dawn lists its adapters in the message of the error that an unknown adapter name gives. Where the message names none, as
 * another version's might, the one that it opens unasked is all that can be found.
 */
async function findAdapters(source: AdapterSource): Promise<FoundAdapter[]> {
  const found = (name: string, dawnName: string) => ({ name, source, software: softwareNames.test(name), dawnName })
  try {
    await open(source, '\u0001')
    return []
  } catch (error) {
    const names = [...String(error).matchAll(/name: '(.*)'/g)].map((match) => match[1]!)
    if (names.length > 0) return [...new Set(names)].map((name) => found(name, name))
  }
  const adapter = await open(source, '').catch(() => null)
  return adapter ? [found(adapter.info.device || adapter.info.description, '')] : []
}

async function candidatesOf(source: AdapterSource, swiftShader: SwiftShader | undefined): Promise<FoundAdapter[]> {
  await provideVulkanLoader()
  if (!hasVulkanLoader()) return []
  if (source === 'system' ? !hasVulkanDriver() : !swiftShader) return []
  return withDrivers(source === 'swiftshader' ? swiftShader?.icd : undefined, () => findAdapters(source))
}

/** Every adapter of this machine, best first: hardware, the system's software driver, SwiftShader. */
export async function listAdapters(): Promise<AdapterCandidate[]> {
  const system = await candidatesOf('system', undefined)
  const bundled = await candidatesOf('swiftshader', await findSwiftShader().catch(() => undefined))
  const all = [...system.filter((it) => !it.software), ...system.filter((it) => it.software), ...bundled]
  return all.map(({ dawnName, ...candidate }) => candidate)
}

/** What to do on a machine where no adapter was found. */
export function noAdapterAdvice(): string {
  if (!hasVulkanLoader()) {
    return (
      "the Vulkan loader libvulkan.so.1 is missing: install your system's Vulkan loader and driver (on Debian: libvulkan1 and " +
      `mesa-vulkan-drivers), or npm install ${swiftShaderPackage}, which brings both`
    )
  }
  return `install your GPU's driver, or a software driver: mesa-vulkan-drivers of Mesa 23 or newer, or npm install ${swiftShaderPackage}`
}

/**
 * @internal Opens an adapter: hardware first, then the system's software driver, then SwiftShader.
 *
 * @param wanted part of the adapter's name, in any case (`nvidia`, `lavapipe`, `swiftshader`).
 * @throws NoAdapterError where there is none, or none of that name.
 */
export async function openAdapter(wanted?: string): Promise<OpenAdapter> {
  const key = wanted?.toLowerCase()
  const fits = (it: AdapterCandidate) => !key || it.name.toLowerCase().includes(aliases[key] ?? key)
  const system = (await candidatesOf('system', undefined)).filter(fits)
  const swiftShader = system.length > 0 ? undefined : await findSwiftShader()
  const chosen =
    system.find((it) => !it.software) ?? system[0] ?? (await candidatesOf('swiftshader', swiftShader)).find(fits)
  if (!chosen) {
    const all = await listAdapters()
    const problem = wanted && all.length > 0 ? `no adapter is called "${wanted}"` : 'no WebGPU adapter was found'
    const advice = all.length > 0 ? `there is ${all.map((it) => it.name).join(', ')}` : noAdapterAdvice()
    // The Vulkan loader is told of SwiftShader by the environment, of which a worker has a copy that nobody else sees.
    const inWorker =
      !isMainThread && swiftShader ? '; SwiftShader is found in a worker made with { env: SHARE_ENV }' : ''
    throw new NoAdapterError(`${problem}: ${advice}${inWorker}`)
  }
  return withDrivers(chosen.source === 'swiftshader' ? swiftShader?.icd : undefined, async () => {
    const { dawnName, ...candidate } = chosen
    const adapter = await open(chosen.source, dawnName)
    if (!adapter) throw new NoAdapterError(`the adapter ${chosen.name} did not open: ${noAdapterAdvice()}`)
    return { adapter, info: describeAdapter(adapter, candidate) }
  })
}
