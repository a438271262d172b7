import { existsSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { InputError } from '../../errors.js'
import { here } from './here.js'

/** What comes with the package: a MISC, and the COMET that writes its blocks. */
export type PackagedModel = 'misc-mini' | 'comet-mini'

/**
 * The folder of a model that comes with the package.
 *
 * @throws InputError where it does not lie beside the code, as in an app that a bundler made of it
 */
export function packagedModel(name: PackagedModel = 'misc-mini'): string {
  const folder = placeOf(name)
  if (existsSync(join(folder, 'config.json'))) return folder
  throw new InputError(
    `the model that comes with misc-webgpu is not where its code runs (no ${folder}): a bundled app brings its model along; ` +
      `copy node_modules/misc-webgpu/weights/${name} beside it and give that folder to ${name === 'misc-mini' ? 'Misc' : 'Comet'}.load`,
  )
}

/** Whether a folder is that of the MISC that comes with the package, whatever the path that was given. */
export function isPackagedModel(folder: string): boolean {
  const own = placeOf('misc-mini')
  return existsSync(own) && realpathSync(own) === realpathSync(folder)
}

const placeOf = (name: PackagedModel): string => fileURLToPath(new URL(`../../../weights/${name}`, here))
