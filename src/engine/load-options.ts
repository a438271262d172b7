import { InputError } from '../errors.js'
import { type WeightDtype, weightDtypes } from '../gpu/tensor.js'
import { statIfThere } from '../io/model-folder.js'
import { fileIn, pathOf } from '../io/path-of.js'
import { isPackagedModel, packagedModel } from '../platform/node/packaged-model.js'
import { quote } from '../quote.js'
import type { OnProgress } from './loading-bar.js'

/** How to load a model. */
export interface LoadOptions {
  /** Part of the adapter's name, in any case; without it hardware comes first, then software. */
  readonly adapter?: string | undefined
  /**
   * The number format of weight matrices on the GPU, whatever that of the file. f16 halves their memory and int8 (a scale for
   * every row) quarters it; arithmetic, vectors and caches stay f32. Default: what loses nothing, f16 where the files hold all
   * matrices in f16, else f32.
   */
  readonly dtype?: WeightDtype | undefined
  /**
   * Replies drawn together, 1 to 1024; default: 16, or fewer where the adapter's buffers hold no more. Their memory is made
   * when so many are asked for at once, and given back after half a minute without any.
   */
  readonly maxBatch?: number | undefined
  /** Replies that may wait while `maxBatch` others are drawn, default 256; one more is refused with a {@link QueueFullError}. */
  readonly maxQueue?: number | undefined
  /**
   * Called while weights are read, with bytes so far and in all, then while the kernels of a usual reply compile, with
   * their count, and then while the weights of a COMET are read: seconds on a software adapter whose driver sees them for the first time.
   */
  readonly onProgress?: OnProgress | undefined
  /**
   * Told what the model's generation_config.json asks for and is not done, and what is wrong with kernels measured earlier;
   * without it, a line on stderr.
   */
  readonly onWarning?: ((message: string) => void) | undefined
  /**
   * Who writes the blocks of dialogues that come without any: the folder of a COMET, which shares the GPU; false: nobody.
   * Default: the folder `comet` beside the model's files, where there is one; for the model that comes with the package, the
   * COMET that does.
   */
  readonly comet?: string | URL | false | undefined
  /**
   * Kernels measured on this adapter earlier, by `misc tune` or after a load, are used in place of guesses; those not
   * measured yet are, after this load, for the next one: for 3 seconds at most, while no reply is drawn. An engine's
   * kernels never change while it lives. The choice of kernels decides in which order sums are taken, and so the last
   * digits of the logits: in rare cases the same seed draws other ids once choices have changed.
   *
   * Default: a software adapter is not measured, only what was is used, because its guesses were measured by the authors
   * and it takes a second to compile a kernel, for which a reply would wait. `true` measures there too; `false` neither
   * measures nor uses what was measured: the same ids on every run.
   */
  readonly tune?: boolean | undefined
}

/** What loading took, one after the other, in milliseconds. */
export interface LoadTimings {
  /** Finding the adapter and opening a device on it. */
  readonly adapterMs: number
  /** From the weights' files to the GPU. Kernels compile beside it. */
  readonly weightsMs: number
  /** What compiling the kernels of a usual reply took beyond that. Other kernels compile when they are first needed. */
  readonly compileMs: number
  /** Loading the COMET, beyond that; 0 where there is none. */
  readonly cometMs: number
}

/** @throws InputError for an option that is unknown or wrong. */
export function checkLoadOptions(options: LoadOptions): void {
  checkNames(options, ['adapter', 'dtype', 'maxBatch', 'maxQueue', 'onProgress', 'onWarning', 'comet', 'tune'])
  checkDtype(options.dtype)
  const { maxBatch = 1, maxQueue = 0 } = options
  if (!Number.isSafeInteger(maxBatch) || maxBatch < 1 || maxBatch > 1024) {
    throw new InputError(`maxBatch must be a whole number from 1 to 1024, got ${quote(maxBatch)}`)
  }
  if (!Number.isSafeInteger(maxQueue) || maxQueue < 0) {
    throw new InputError(`maxQueue must be a whole number of 0 or more, got ${quote(maxQueue)}`)
  }
  if (options.tune !== undefined && typeof options.tune !== 'boolean') {
    throw new InputError(`tune must be true or false, got ${quote(options.tune)}`)
  }
}

/** @throws InputError for an option of another name than these */
export function checkNames(options: object, known: readonly string[]): void {
  const unknown = Object.keys(options).find((name) => !known.includes(name))
  if (unknown) throw new InputError(`unknown load option ${JSON.stringify(unknown)}: there are ${known.join(', ')}`)
}

/** Where warnings go that nobody asked to be told. */
export const warn = (message: string): void => console.warn(`misc-webgpu: ${message}`)

/** @throws InputError where it is no number format of weights */
export function checkDtype(dtype: WeightDtype = 'f32'): void {
  if (weightDtypes.includes(dtype)) return
  throw new InputError(`dtype must be one of ${weightDtypes.join(', ')}, got ${quote(dtype)}`)
}

/**
 * Of a model that reads no blocks.
 *
 * @param title what the model is
 * @throws InputError where a COMET is asked for
 */
export function refuseComet(comet: LoadOptions['comet'], title: string): void {
  if (comet === undefined || comet === false) return
  throw new InputError(
    `comet ${quote(String(comet))}: the model is ${title}, which reads no blocks; leave the COMET out`,
  )
}

/**
 * The folder of the COMET that writes a model's blocks; undefined where nobody does.
 *
 * @param folder that of the model's files
 * @throws InputError where the option is no path
 */
export async function cometFolder(folder: string, comet: LoadOptions['comet']): Promise<string | undefined> {
  if (comet === false) return undefined
  if (comet !== undefined) return pathOf(comet, 'comet')
  const beside = fileIn(folder, 'comet')
  if ((await statIfThere(beside))?.isDirectory()) return beside
  return isPackagedModel(folder) ? packagedModel('comet-mini') : undefined
}
