import { createRequire } from 'node:module'
import { cpus, loadavg } from 'node:os'
import { loadModel } from '../engine/load-model.js'
import { type ProgressBar, withLoadingBar } from '../engine/loading-bar.js'
import { InputError } from '../errors.js'
import { snakeCase } from '../generation/options.js'
import type { Gpu } from '../gpu/gpu.js'
import type { WeightDtype } from '../gpu/tensor.js'
import { dawnOptions } from '../platform/node/adapter.js'
import { blocksSuite, blocksSuiteRows } from './blocks-suite.js'
import { measureCeilings } from './ceilings.js'
import { coldStart, decodeSuite, decodeSuiteRuns } from './decode-suite.js'
import { encodeSuite, encodeSuiteRows } from './encode-suite.js'
import { kernelCases, kernelsSuite } from './kernels-suite.js'
import { type PipelineFolders, pipelineFolders, pipelineSuite, pipelineSuiteRuns } from './pipeline-suite.js'
import type { BenchReport } from './report.js'
import { BenchRig } from './rig.js'
import { scalingPoints, scalingSuite } from './scaling-suite.js'
import type { SuiteContext } from './suite.js'
import { drawOptions, type Workload } from './workload.js'

/** The suites, in the order in which they run: decode first, for its cold start. */
export const suiteNames = ['decode', 'encode', 'blocks', 'kernels', 'pipeline', 'scaling'] as const
/** Those of `all`: scaling takes minutes. */
export const standardSuites = ['decode', 'encode', 'blocks', 'kernels', 'pipeline'] as const
export type SuiteName = (typeof suiteNames)[number]

/** How {@link bench} is run. */
export interface BenchOptions {
  readonly suites: readonly SuiteName[]
  /** Whether suites that the folder lacks something for are left out, and the report says why; default: that is an error. */
  readonly lenient?: boolean
  /** Who writes the blocks in the suite `pipeline`; default: as {@link LoadOptions.comet}. */
  readonly comet?: string | undefined
  readonly workload: Workload
  /** The number format of weight matrices; default: f32, and in the suite `pipeline` what replies are drawn with. */
  readonly dtype?: WeightDtype | undefined
  /** Milliseconds that opening the adapter took. */
  readonly adapterMs: number
  readonly packageVersion: string
  /** Makes a progress display; `advance` says that so much more is done. */
  readonly progress: (label: string, total: number, unit: string) => ProgressBar
  /** Size of the buffer that shows how fast memory is read; see {@link measureCeilings}. */
  readonly bandwidthBytes?: number
  /** Whether the kernels suite has the products that peers are timed on, whatever the model; default: yes. */
  readonly quotedProducts?: boolean
}

/**
 * Times a model on an adapter.
 *
 * @throws InputError where the folder holds no sound MISC model, or lacks what a suite needs.
 */
export async function bench(gpu: Gpu, folder: string, options: BenchOptions): Promise<BenchReport> {
  const { workload, dtype = 'f32', progress } = options
  const { suites, folders, leftOut } = await possibleSuites(folder, options)
  const loadBefore = loadavg()[0]!
  const started = performance.now()
  const weights = await withLoadingBar(
    (_, total) => progress('loading weights', total, 'bytes'),
    (onProgress) => loadModel(gpu, folder, { dtype, onProgress }),
  )
  const weightsMs = performance.now() - started
  const weightsBytes = gpu.allocatedBytes
  const rig = new BenchRig(gpu, weights, workload)
  try {
    const cold = suites.includes('decode') ? await coldStart(rig) : undefined
    const ceilings = await measureCeilings(gpu, options.bandwidthBytes)
    const runs = workload.warmups + workload.repetitions
    const cases = kernelCases(rig, options.quotedProducts ?? true)
    const total: Record<SuiteName, number> = {
      decode: decodeSuiteRuns * runs,
      encode: encodeSuiteRows * runs,
      blocks: blocksSuiteRows * runs,
      kernels: cases.length,
      pipeline: pipelineSuiteRuns * runs,
      scaling: scalingPoints(weights.config, workload).length,
    }
    const suite = async <T>(name: SuiteName, run: (context: SuiteContext) => Promise<T>): Promise<T | undefined> => {
      if (!suites.includes(name)) return undefined
      using bar = progress(name, total[name], 'runs')
      return run({ rig, ceilings, onRun: () => bar.advance(1) })
    }
    const decode = await suite('decode', (context) => decodeSuite(context, cold!))
    const encode = await suite('encode', encodeSuite)
    const blocks = await suite('blocks', blocksSuite)
    const kernels = await suite('kernels', (context) => kernelsSuite(context, cases))
    const pipeline = await suite('pipeline', (context) => pipelineSuite(context, folders!, options.dtype))
    const scaling = await suite('scaling', scalingSuite)
    const { config, variant } = weights
    return {
      versions: { 'misc-webgpu': options.packageVersion, node: process.versions.node, webgpu: dawnVersion() },
      model: {
        folder,
        variant,
        d_model: config.dModel,
        encoder_layers: config.encoderLayers,
        decoder_layers: config.decoderLayers,
        vocab_size: config.vocabSize,
      },
      dtype,
      adapter: describeAdapter(gpu),
      machine: {
        cpu: cpus()[0]?.model ?? 'unknown',
        cores: cpus().length,
        load_average: [loadBefore, loadavg()[0]!],
      },
      workload: inSnakeCase(workload),
      sampling: inSnakeCase(drawOptions(workload)),
      load: { adapter_ms: options.adapterMs, weights_ms: weightsMs },
      memory: {
        gpu_weights_bytes: weightsBytes,
        gpu_bytes: gpu.allocatedBytes,
        host_peak_bytes: process.resourceUsage().maxRSS * 1024,
      },
      ceilings,
      suites: {
        ...(decode && { decode }),
        ...(encode && { encode }),
        ...(blocks && { blocks }),
        ...(kernels && { kernels }),
        ...(pipeline && { pipeline }),
        ...(scaling && { scaling }),
      },
      left_out: leftOut,
    }
  } finally {
    rig.dispose()
  }
}

/** Suites asked for that can be run, what the pipeline's needs, and why others cannot. */
interface PossibleSuites {
  readonly suites: readonly SuiteName[]
  readonly folders?: PipelineFolders | undefined
  readonly leftOut: BenchReport['left_out']
}

/** @throws InputError */
async function possibleSuites(
  folder: string,
  { suites, lenient = false, comet }: BenchOptions,
): Promise<PossibleSuites> {
  let folders: PipelineFolders | undefined
  if (suites.includes('pipeline')) {
    try {
      folders = await pipelineFolders(folder, comet)
    } catch (error) {
      // A COMET that was named is meant to be used.
      if (!(lenient && comet === undefined && error instanceof InputError)) throw error
      return { suites: suites.filter((it) => it !== 'pipeline'), leftOut: { pipeline: error.message } }
    }
  }
  return { suites, folders, leftOut: {} }
}

function describeAdapter({ adapter, features, variants }: Gpu): BenchReport['adapter'] {
  const { name, driver, vendor, architecture, source, software, subgroupSize } = adapter
  return {
    ...{ name, driver, vendor, architecture, source, software, subgroup_size: subgroupSize },
    features: [...features].sort(),
    toggles: dawnOptions,
    tuned_classes: variants.measured.size,
  }
}

const inSnakeCase = <Value>(values: object): Record<string, Value> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [snakeCase(name), value]))

function dawnVersion(): string {
  return createRequire(import.meta.url)('webgpu/package.json').version
}
