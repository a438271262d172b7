import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { InputError } from '../../errors.js'
import { here } from './here.js'

/**
 * The folder of the model that comes with the package.
 *
 * @throws InputError where it does not lie beside the code, as in an app that a bundler made of it
 */
export function packagedModel(): string {
  const folder = fileURLToPath(new URL('../../../weights/misc-mini', here))
  if (existsSync(join(folder, 'config.json'))) return folder
  throw new InputError(
    `the model that comes with misc-webgpu is not where its code runs (no ${folder}): a bundled app brings its model along; ` +
      'copy node_modules/misc-webgpu/weights/misc-mini beside it and give that folder to Misc.load',
  )
}
