import { InputError } from '../errors.js'
import { pathOf } from '../io/path-of.js'
import { packagedModel } from '../platform/node/packaged-model.js'
import { Blenderbot } from './blenderbot.js'
import { Joint } from './joint.js'
import { Listeners } from './listeners.js'
import { describeFolder } from './load-model.js'
import { checkLoadOptions, type LoadOptions } from './load-options.js'
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
  checkLoadOptions(options)
  const found = await describeFolder(pathOf(model, 'the model folder'))
  const { family, config, folder, title } = found
  if (family === 'misc') return Misc.fromFolder(found, options)
  if (family === 'listeners') return Listeners.fromFolder(found, options)
  if (family === 'joint') return Joint.fromFolder(found, options)
  if (family === 'bart' && config.modelType !== 'bart') return Blenderbot.fromFolder(found, options)
  throw new InputError(`${folder}: holds ${title}, of which no replies are drawn`)
}
