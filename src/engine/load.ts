import { InputError } from '../errors.js'
import type { Gpu } from '../gpu/gpu.js'
import { pathOf } from '../io/path-of.js'
import { packagedModel } from '../platform/node/packaged-model.js'
import { Blenderbot } from './blenderbot.js'
import { Joint } from './joint.js'
import { Listeners } from './listeners.js'
import { describeFolder, type ModelFolder } from './load-model.js'
import { checkLoadOptions, type LoadOptions } from './load-options.js'
import { Misc, type OpenOptions } from './misc.js'

/** An engine of any family; `family` tells which, and types narrow by it. */
export type Engine = Misc | Joint | Blenderbot | Listeners

/**
 * Loads the engine of whatever family a model's folder holds.
 *
 * @param model as {@link Misc.load} takes it
 * @throws InputError | NoAdapterError as {@link Misc.load} does, or where replies of that family are not drawn.
 */
export async function load(model: string | URL = packagedModel(), options: LoadOptions = {}): Promise<Engine> {
  checkLoadOptions(options)
  const found = await describeFolder(pathOf(model, 'the model folder'))
  return engineOf(found).fromFolder(found, options)
}

/**
 * As {@link load}, on a device that is open already, with the kernels that are chosen for it; disposing of the engine ends it.
 *
 * @internal
 */
export async function openEngine(
  gpu: Gpu,
  folder: string,
  { leaveOut, ...options }: OpenOptions = {},
): Promise<Engine> {
  const family = engineOf(await describeFolder(folder))
  if (family === Misc) return Misc.open(gpu, folder, { leaveOut, ...options })
  return family.open(gpu, folder, options)
}

/** The class of the engine that a folder's model needs. @throws InputError */
function engineOf({ family, config, folder, title }: ModelFolder) {
  if (family === 'misc') return Misc
  if (family === 'listeners') return Listeners
  if (family === 'joint') return Joint
  if (family === 'bart' && config.modelType !== 'bart') return Blenderbot
  throw new InputError(`${folder}: holds ${title}, of which no replies are drawn`)
}
