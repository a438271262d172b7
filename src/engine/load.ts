import { InputError } from '../errors.js'
import { modelFolder } from '../io/model-folder.js'
import { pathOf } from '../io/path-of.js'
import { packagedModel } from '../platform/node/packaged-model.js'
import { Blenderbot } from './blenderbot.js'
import { Joint } from './joint.js'
import { Listeners } from './listeners.js'
import { describeFolder } from './load-model.js'
import type { LoadOptions } from './load-options.js'
import { Misc } from './misc.js'

/** An engine of any family; `family` tells which, and types narrow by it. */
export type Engine = Misc | Joint | Blenderbot | Listeners

/**
 * Loads the engine of whatever family a model's folder holds.
 *
 * @param model as {@link Misc.load} takes it
 * @throws InputError | NoAdapterError as {@link Misc.load} does, or where replies of that family are not drawn.
 */
export async function load(model: string | URL = packagedModel(), options: LoadOptions = {}): Promise<Engine> {
  const folder = await modelFolder(pathOf(model, 'the model folder'))
  const { family, config, title } = await describeFolder(folder)
  if (family === 'misc') return Misc.load(folder, options)
  if (family === 'listeners') return Listeners.load(folder, options)
  if (family === 'joint') return Joint.load(folder, options)
  if (family === 'bart' && config.modelType !== 'bart') return Blenderbot.load(folder, options)
  throw new InputError(`${folder}: holds ${title}, of which no replies are drawn`)
}
