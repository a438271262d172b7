import { constants, existsSync, readdirSync, readFileSync } from 'node:fs'
import { access, mkdir } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { cpus, loadavg } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { Command } from 'commander'
import type { AdapterCandidate, AdapterInfo } from '../gpu/adapter-info.js'
import type { Gpu } from '../gpu/gpu.js'
import { Recorder } from '../gpu/recorder.js'
import { matmul } from '../ops/matmul.js'
import { listAdapters, noAdapterAdvice } from '../platform/node/adapter.js'
import { cacheFolder } from '../platform/node/cache-folder.js'
import { openGpu } from '../platform/node/open-gpu.js'
import { packageVersion } from '../platform/node/packaged.js'
import { findSwiftShader, swiftShaderPackage } from '../platform/node/swiftshader.js'
import { readTuning, tuningFile } from '../platform/node/tuning-file.js'
import { hasVulkanLoader, vulkanDriverFiles, vulkanLoaderFile } from '../platform/node/vulkan-loader.js'
import { adapterOption } from './gpu-command.js'

/** Limits that decide how large a model may be and how its kernels are cut. */
const limits = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupStorageSize',
] as const

const features = ['subgroups', 'timestamp-query'] as const

/** The adapter that a command would use. */
interface UsedAdapter extends AdapterCandidate {
  readonly vendor: string
  readonly architecture: string
  readonly driver: string
  readonly features: Record<(typeof features)[number], boolean>
  /** Lanes of a subgroup; 0 where there are none or their number varies. */
  readonly subgroup_size: number
  readonly limits: Record<(typeof limits)[number], number>
  readonly open_ms: number
  /** Null where the measurement failed: `problem` says how. */
  readonly measured: Measured | null
  readonly tuning: TuningReport
}

/** Kernels chosen by `misc tune`, or after a load. */
interface TuningReport {
  /** Null where the user has no cache folder. */
  readonly file: string | null
  /** Shape classes for which a measured choice is in use, and those of them where it is not the guess. */
  readonly classes: number
  readonly replaced: number
  /** Why the file is not used. */
  readonly problem: string | null
}

interface Measured {
  /** How fast a product with one row reads its weights: what a decode step is bound by. */
  readonly read_gb_per_s: number
  /** From an empty submit to its end. */
  readonly round_trip_ms: number
  /** The machine's load over the last minute, per core: above 1 others slow a software adapter down. */
  readonly load_per_core: number
}

/** What versions are called in the report. */
const labels: Record<string, string> = { node: 'Node', webgpu: 'webgpu (Dawn)' }

/** What `misc doctor --json` prints. */
export interface Diagnosis {
  ok: boolean
  versions: { 'misc-webgpu': string; node: string; webgpu: string; platform: string }
  adapters: AdapterCandidate[]
  used: UsedAdapter | null
  /** Linux only: the loader, the system's or SwiftShader's, and the files of the system's drivers. */
  vulkan: { loader: string | null; drivers: string[] } | null
  /** Where SwiftShader was unpacked; null where its package is not installed, or for the `problem` that it had. */
  swiftshader: { package: string; folder: string | null; problem: string | null }
  /** Where SwiftShader is unpacked to and `misc tune` writes; `problem` says why nothing can be written there. */
  cache: { folder: string | null; problem: string | null }
  problem: string | null
  advice: string[]
}

/** `misc doctor`. */
export function doctorCommand(): Command {
  return new Command('doctor')
    .addOption(adapterOption())
    .summary('adapter, driver, features and limits; what would be faster')
    .description(
      'Says which WebGPU adapters are found, which one commands use, what it can do, and how to get a faster one. ' +
        'Exit code 3 where there is none.',
    )
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      '\nExamples:\n  misc doctor\n  misc doctor --adapter swiftshader\n  misc doctor --json | jq .used.name',
    )
    .action(async ({ adapter, json }: { adapter?: string; json?: boolean }) => {
      const diagnosis = await diagnose(adapter)
      process.stdout.write(json ? `${JSON.stringify(diagnosis, null, 2)}\n` : report(diagnosis))
      if (!diagnosis.ok) process.exitCode = diagnosis.used ? 1 : 3
    })
}

/** Looks at the machine; whatever fails becomes a part of the answer. */
async function diagnose(wanted: string | undefined): Promise<Diagnosis> {
  const linux = process.platform === 'linux'
  const swiftshader = await findSwiftShader().then(
    (found) => ({ folder: found?.folder ?? null, problem: null }),
    (error: Error) => ({ folder: null, problem: error.message }),
  )
  const adapters = await listAdapters()
  const opened = await open(wanted)
  const diagnosis: Diagnosis = {
    ok: opened.problem === null,
    versions: {
      'misc-webgpu': packageVersion,
      node: process.versions.node,
      webgpu: versionOf('webgpu'),
      platform: `${process.platform} ${process.arch}`,
    },
    adapters,
    ...opened,
    vulkan: linux
      ? {
          loader: vulkanLoaderFile() ?? (hasVulkanLoader() ? 'libvulkan.so.1' : null),
          drivers: vulkanDriverFiles(),
        }
      : null,
    swiftshader: { package: swiftShaderPackage, ...swiftshader },
    cache: await cacheState(),
    advice: [],
  }
  return { ...diagnosis, advice: advise(diagnosis) }
}

/** Makes the folder: nothing else says for sure whether it can be written. */
async function cacheState(): Promise<Diagnosis['cache']> {
  let folder: string | null = null
  try {
    folder = cacheFolder()
    await mkdir(folder, { recursive: true })
    await access(folder, constants.W_OK)
    return { folder, problem: null }
  } catch (error) {
    const { message } = error as Error
    return {
      folder,
      problem: folder ? `${folder}: cannot be written (${message}); set XDG_CACHE_HOME to one that can` : message,
    }
  }
}

async function open(wanted: string | undefined): Promise<{ used: UsedAdapter | null; problem: string | null }> {
  const started = performance.now()
  let gpu: Gpu
  try {
    gpu = await openGpu({ adapter: wanted })
  } catch (error) {
    return { used: null, problem: (error as Error).message }
  }
  const openMs = performance.now() - started
  try {
    const { name, source, software, vendor, architecture, driver, subgroupSize } = gpu.adapter
    const used = {
      ...{ name, source, software, vendor, architecture, driver },
      features: keyed(features, (feature) => gpu.features.has(feature)),
      subgroup_size: subgroupSize,
      limits: keyed(limits, (limit) => gpu.limits[limit]),
      open_ms: round(openMs),
      tuning: await tuningOf(gpu.adapter),
    }
    return await measure(gpu).then(
      (measured) => ({ used: { ...used, measured }, problem: null }),
      (error: Error) => ({ used: { ...used, measured: null }, problem: `${name} does not work: ${error.message}` }),
    )
  } finally {
    await gpu.dispose()
  }
}

async function tuningOf(adapter: AdapterInfo): Promise<TuningReport> {
  let problem: string | null = null
  const { choices } = await readTuning(adapter, (message) => {
    problem = message
  })
  const replaced = [...choices.values()].filter((it) => it.choice !== it.guess).length
  return { file: tuningFileIfAny(adapter), classes: choices.size, replaced, problem }
}

function tuningFileIfAny(adapter: AdapterInfo): string | null {
  try {
    return tuningFile(adapter)
  } catch {
    return null
  }
}

/** Well under a second on an idle machine. */
async function measure(gpu: Gpu): Promise<Measured> {
  const loadPerCore = loadavg()[0]! / cpus().length
  // On a GPU: more than its caches hold, and often enough that the round trip does not count.
  const { bytes, repeats } = gpu.adapter.software ? { bytes: 2 ** 25, repeats: 1 } : { bytes: 2 ** 27, repeats: 10 }
  const k = 512
  const n = bytes / 4 / k
  const x = gpu.tensor('doctor.x', [1, k])
  const weight = gpu.matrix('doctor.weight', [n, k])
  const out = gpu.tensor('doctor.out', [1, n])
  const recorder = new Recorder(gpu)
  for (let i = 0; i < repeats; i++) matmul(recorder, { x, weight, out }, 1)
  const recording = await recorder.finish()
  const best = async (work: () => void) => {
    const times: number[] = []
    for (let run = 0; run < 4; run++) {
      const started = performance.now()
      work()
      await gpu.idle()
      times.push(performance.now() - started)
    }
    return Math.min(...times)
  }
  const product = await best(() => gpu.submit([recording]))
  const roundTrip = await best(() => gpu.submit([]))
  return {
    read_gb_per_s: round((bytes * repeats) / product / 1e6),
    round_trip_ms: round(roundTrip),
    load_per_core: round(loadPerCore),
  }
}

function advise({ used, adapters, vulkan, swiftshader, cache, problem }: Diagnosis): string[] {
  const advice = [swiftshader.problem ?? cache.problem].filter((it) => it !== null)
  const faster = used?.software && adapters.find((it) => !it.software)
  const system = adapters.some((it) => it.source === 'system')
  const lavapipeFile = vulkan?.drivers.find((file) => /lvp/.test(basename(file)))
  if (!used && adapters.length === 0 && !swiftshader.problem) advice.push(noAdapterAdvice())
  if (problem && used) advice.push('update the driver, or name another adapter with --adapter')
  if (lavapipeFile && vulkan?.loader && !system) {
    advice.push(
      `${lavapipeFile} is there, but its driver gives no adapter: Mesa before 23 is refused ` +
        '(Debian 12 has a newer mesa-vulkan-drivers in bookworm-backports)',
    )
  } else if (used?.source === 'swiftshader' && !system) {
    advice.push(
      'lavapipe, also on the CPU, is about six times as fast as SwiftShader: install mesa-vulkan-drivers of Mesa 23 or newer',
    )
  } else if (used?.source === 'swiftshader') advice.push(`${adapters[0]!.name} is faster: leave --adapter out`)
  if (faster) advice.push(`${faster.name} is hardware: leave --adapter out`)
  else if (used?.software) advice.push(hardwareAdvice())
  return advice
}

function hardwareAdvice(): string {
  const nodes = [gpuNodes('/dev', /^(nvidia\d+|dxg)$/), gpuNodes('/dev/dri', /^renderD/)].flat()
  const install = "install the GPU's Vulkan driver (AMD, Intel: mesa-vulkan-drivers; NVIDIA: its own driver"
  return nodes.length > 0
    ? `${nodes.join(', ')} is there, but no driver gives an adapter for it: ${install}; ` +
        'a container needs NVIDIA_DRIVER_CAPABILITIES=all)'
    : `a GPU is many times as fast; none is seen here. Where there is one: ${install})`
}

function gpuNodes(folder: string, pattern: RegExp): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((name) => pattern.test(name))
    .map((name) => join(folder, name))
}

function report({ versions, adapters, used, vulkan, swiftshader, cache, problem, advice }: Diagnosis): string {
  const numbers = Object.entries(versions).map(([name, version]) =>
    name === 'platform' ? version : `${labels[name] ?? name} ${version}`,
  )
  const others = advice.filter((it) => !problem?.includes(it))
  const width = Math.max(...adapters.map(({ name }) => name.length), 0)
  const lines = [
    numbers.join(', '),
    '',
    adapters.length > 0 ? 'adapters, best first (* is used)' : 'adapters: none',
    ...adapters.map(
      (it) => `  ${it.name === used?.name ? '*' : ' '} ${it.name.padEnd(width)}  ${kindOf(it)}, ${originOf(it)}`,
    ),
    ...(problem ? ['', `problem: ${problem}`] : []),
    ...(used ? ['', ...describe(used, cache)] : []),
    ...(vulkan
      ? [
          '',
          `Vulkan loader   ${vulkan.loader ?? 'libvulkan.so.1 is not found'}`,
          `driver files    ${vulkan.drivers.join(`\n${' '.repeat(16)}`) || 'none'}`,
        ]
      : []),
    `SwiftShader     ${whereSwiftShaderIs(swiftshader)}`,
    `cache folder    ${cache.folder ?? 'none'}${cache.problem ? ', cannot be written' : ''}`,
    ...(others.length > 0 ? ['', 'advice', ...others.map((it) => `  - ${it}`)] : []),
  ]
  return `${lines.join('\n')}\n`
}

function whereSwiftShaderIs({ package: name, folder, problem }: Diagnosis['swiftshader']): string {
  if (folder) return `unpacked in ${folder}`
  return problem ? `in the npm package ${name}, but not unpacked` : `not here (npm package ${name})`
}

function describe(
  { name, software, driver, vendor, architecture, ...used }: UsedAdapter,
  cache: Diagnosis['cache'],
): string[] {
  const yes = (feature: (typeof features)[number]) => (used.features[feature] ? 'yes' : 'no')
  const lanes = used.subgroup_size > 0 ? `${used.subgroup_size} lanes` : 'lanes vary'
  const { limits, measured } = used
  return [
    name,
    `  computes on      ${software ? 'the CPU (software)' : 'the GPU (hardware)'}`,
    `  driver           ${[driver, vendor, architecture].filter(Boolean).join(', ')}`,
    `  subgroups        ${used.features.subgroups ? `yes, ${lanes}` : 'no'}`,
    `  timestamp-query  ${yes('timestamp-query')}`,
    `  largest tensor   ${megabytes(Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize))}, a matrix ${megabytes(limits.maxBufferSize)}`,
    `  workgroup        ${limits.maxComputeInvocationsPerWorkgroup} invocations, ${limits.maxComputeWorkgroupStorageSize} bytes`,
    `  tuned kernels    ${tuned(used.tuning, cache)}`,
    `  opened in        ${used.open_ms} ms`,
    ...(measured
      ? [
          `  measured         reads weights at ${measured.read_gb_per_s} GB/s; ${measured.round_trip_ms} ms a round trip`,
        ]
      : []),
  ]
}

function tuned({ file, classes, replaced, problem }: TuningReport, cache: Diagnosis['cache']): string {
  if (classes === 0 && cache.problem) return 'none in use: the cache folder cannot be written'
  if (problem) return `none in use: ${problem}`
  if (classes === 0) return `none measured; misc tune does, and writes ${file}`
  return `${replaced} of ${classes} guesses replaced by what was measured: ${file}`
}

function kindOf({ software }: AdapterCandidate): string {
  return software ? 'software' : 'hardware'
}

function originOf({ source }: AdapterCandidate): string {
  return source === 'system' ? "the system's driver" : `of the npm package ${swiftShaderPackage}`
}

function keyed<Key extends string, Value>(keys: readonly Key[], value: (key: Key) => Value): Record<Key, Value> {
  return Object.fromEntries(keys.map((key) => [key, value(key)])) as Record<Key, Value>
}

function versionOf(name: string): string {
  const entry = createRequire(import.meta.url).resolve(name)
  return JSON.parse(readFileSync(join(dirname(entry), 'package.json'), 'utf8')).version
}

function round(value: number): number {
  return Number(value.toPrecision(3))
}

function megabytes(bytes: number): string {
  return `${Math.floor(bytes / 1e6).toLocaleString('en-US')} MB`
}
