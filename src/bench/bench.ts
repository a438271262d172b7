import { createRequire } from 'node:module'
import { cpus, loadavg } from 'node:os'
import { describeFolder, openModel } from '../engine/load-model.js'
import { type ProgressBar, withLoadingBar } from '../engine/loading-bar.js'
import { InputError } from '../errors.js'
import { snakeCase } from '../generation/options.js'
import type { Gpu } from '../gpu/gpu.js'
import type { WeightDtype } from '../gpu/tensor.js'
import { MiscModel } from '../models/misc/model.js'
import type { Model } from '../models/model.js'
import type { ModelDescription } from '../models/registry.js'
import { weightMemory } from '../nn/memory.js'
import { dawnOptions } from '../platform/node/adapter.js'
import { blocksSuite, blocksSuiteRows } from './blocks-suite.js'
import { measureCeilings } from './ceilings.js'
import { coldStart, decodeSuite, decodeSuiteRuns } from './decode-suite.js'
import { encodeSuite, encodeSuiteRows } from './encode-suite.js'
import { kernelCases, kernelsSuite } from './kernels-suite.js'
import { miscEncodeSuite, miscEncodeSuiteRows } from './misc-encode-suite.js'
import { MiscRig } from './misc-rig.js'
import { type PipelineFolders, pipelineFolders, pipelineSuite, pipelineSuiteRuns } from './pipeline-suite.js'
import type { BenchReport } from './report.js'
import { BenchRig } from './rig.js'
import { scalingPoints, scalingSuite } from './scaling-suite.js'
import type { SuiteContext } from './suite.js'
import { drawOptions, type Workload } from './workload.js'

/** Suites of what MISC alone has, or is taken apart for. */
const miscSuites: readonly SuiteName[] = ['blocks', 'kernels', 'pipeline']

/** The suites, in the order in which they run: decode first, for its cold start. */
export const suiteNames = ['decode', 'encode', 'blocks', 'kernels', 'pipeline', 'scaling'] as const
/** Those of `all`: scaling takes minutes. */
export const standardSuites = ['decode', 'encode', 'blocks', 'kernels', 'pipeline'] as const
export type SuiteName = (typeof suiteNames)[number]

/** How {@link bench} is run. */
export interface BenchOptions {
  readonly suites: readonly SuiteName[]
  /** Those of them that are left out where the model or its folder lacks something for them, and the report says why; default: none, that is an error. */
  readonly optional?: readonly SuiteName[]
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
 * @throws InputError where the folder holds no sound model, or lacks what a suite needs.
 */
export async function bench(gpu: Gpu, folder: string, options: BenchOptions): Promise<BenchReport> {
  const { workload, dtype = 'f32', progress } = options
  const description = await describeFolder(folder)
  const { suites, folders, leftOut } = await possibleSuites(folder, description, options)
  const loadBefore = loadavg()[0]!
  const started = performance.now()
  const model: Model = await withLoadingBar(
    (_, total) => progress('loading weights', total, 'bytes'),
    (onProgress) => openModel(gpu, folder, { dtype, onProgress }),
  )
  const weightsMs = performance.now() - started
  const misc = model instanceof MiscModel ? new MiscRig(gpu, model, description, workload) : undefined
  const rig = misc ?? new BenchRig(gpu, model, description, workload)
  try {
    const cold = suites.includes('decode') ? await coldStart(rig) : undefined
    const ceilings = await measureCeilings(gpu, options.bandwidthBytes)
    const runs = workload.warmups + workload.repetitions
    const cases = misc && suites.includes('kernels') ? kernelCases(misc, options.quotedProducts ?? true) : []
    const total: Record<SuiteName, number> = {
      decode: decodeSuiteRuns * runs,
      encode: (misc ? miscEncodeSuiteRows : encodeSuiteRows) * runs,
      blocks: blocksSuiteRows * runs,
      kernels: cases.length,
      pipeline: pipelineSuiteRuns * runs,
      scaling: scalingPoints(description, workload).length,
    }
    const suite = async <T>(
      name: SuiteName,
      run: (context: Omit<SuiteContext, 'rig'>) => Promise<T>,
    ): Promise<T | undefined> => {
      if (!suites.includes(name)) return undefined
      using bar = progress(name, total[name], 'runs')
      return run({ ceilings, onRun: () => bar.advance(1) })
    }
    const decode = await suite('decode', (context) => decodeSuite({ ...context, rig }, cold!))
    const encode = await suite('encode', (context) =>
      misc ? miscEncodeSuite({ ...context, rig: misc }) : encodeSuite({ ...context, rig }))
    const blocks = await suite('blocks', (context) => blocksSuite({ ...context, rig: misc! }))
    const kernels = await suite('kernels', (context) => kernelsSuite({ ...context, rig: misc! }, cases))
    const pipeline = await suite('pipeline', (context) => pipelineSuite({ ...context, rig }, folders!, options.dtype))
    const scaling = await suite('scaling', (context) => scalingSuite({ ...context, rig }))
    const { config, family, title, variant } = description
    return {
      versions: { 'misc-webgpu': options.packageVersion, node: process.versions.node, webgpu: dawnVersion() },
      model: {
        ...{ folder, family, title, variant },
        d_model: config.dModel,
        encoder_layers: 'encoderLayers' in config ? config.encoderLayers : 0,
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
        gpu_weights_bytes: weightMemory(description.layout.weights, dtype).total,
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
    model.dispose()
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
  { family, title }: Pick<ModelDescription, 'family' | 'title'>,
  { suites, optional = [], comet }: BenchOptions,
): Promise<PossibleSuites> {
  const leftOut: Record<string, string> = {}
  let folders: PipelineFolders | undefined
  for (const name of suites) {
    try {
      if (family !== 'misc' && miscSuites.includes(name)) {
        throw new InputError(`${folder}: holds ${title}, and the suite ${name} is for MISC alone: leave it out`)
      }
      if (name === 'pipeline') folders = await pipelineFolders(folder, comet)
    } catch (error) {
      // A COMET that was named is meant to be used.
      if (!(error instanceof InputError && optional.includes(name) && comet === undefined)) throw error
      leftOut[name] = error.message
    }
  }
  return { suites: suites.filter((it) => !(it in leftOut)), folders, leftOut }
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
