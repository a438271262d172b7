import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as assert from 'uvu/assert'
import { tempFolder } from '../temp.js'

/** The root of the repository. */
export const root = fileURLToPath(new URL('../../', import.meta.url))

/** Runs Node there and returns what it printed on stdout; asserts that it ended well. */
export function run(cwd: string, ...args: string[]) {
  const { stdout, stderr, status } = spawnSync(process.execPath, args, { cwd, encoding: 'utf8' })
  assert.is(status, 0, stdout + stderr)
  return stdout
}

/** TypeScript's compiler. */
export const tsc = join(root, 'node_modules/typescript/bin/tsc')

/** A folder of a user's own with the built package, and what it depends on, in its node_modules. */
export function userFolder(): string {
  const folder = tempFolder()
  const modules = join(folder, 'node_modules')
  const installed = join(modules, 'misc-webgpu')
  mkdirSync(installed, { recursive: true })
  run(root, tsc, '-p', 'tsconfig.build.json', '--noCheck', '--outDir', join(installed, 'dist'))
  copyFileSync(join(root, 'package.json'), join(installed, 'package.json'))
  symlinkSync(join(root, 'shaders'), join(installed, 'shaders'))
  for (const name of readdirSync(join(root, 'node_modules'))) {
    if (!name.startsWith('.')) symlinkSync(join(root, 'node_modules', name), join(modules, name))
  }
  writeFileSync(join(folder, 'package.json'), '{"type": "module"}')
  return folder
}
