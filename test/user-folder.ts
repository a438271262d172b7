/** A project of a user's own that has this package installed: for tests of what is shipped. */
import { spawnSync } from 'node:child_process'
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as assert from 'uvu/assert'
import { tempFolder } from './temp.js'

export const root = fileURLToPath(new URL('../', import.meta.url))
const tsc = join(root, 'node_modules/@typescript/native/bin/tsc')

/** Runs a program of Node's and gives its stdout; a failure shows all that it wrote. */
export function runNode(cwd: string, ...args: string[]): string {
  const { stdout, stderr, status } = spawnSync(process.execPath, args, { cwd, encoding: 'utf8' })
  assert.is(status, 0, stdout + stderr)
  return stdout
}

/** Runs the TypeScript compiler. */
export const compile = (cwd: string, ...args: string[]): string => runNode(cwd, tsc, ...args)

/** The package's code as it is shipped, compiled once for all processes of a test run: those that this one starts know where. */
export function builtPackage(): string {
  if (!process.env.MISC_TEST_DIST) {
    const dist = join(tempFolder(), 'dist')
    compile(root, '-p', 'tsconfig.build.json', '--noCheck', '--outDir', dist)
    for (const script of ['embed', 'bundle']) runNode(root, '--import', 'tsx', `scripts/${script}.ts`, dist)
    process.env.MISC_TEST_DIST = dist
  }
  return process.env.MISC_TEST_DIST
}

/**
 * A folder with the built package and what comes with it in its node_modules: its dependencies and SwiftShader, nothing that
 * only its developers have.
 */
export function userFolder(): string {
  const folder = tempFolder()
  const modules = join(folder, 'node_modules')
  const installed = join(modules, 'misc-webgpu')
  mkdirSync(installed, { recursive: true })
  cpSync(builtPackage(), join(installed, 'dist'), { recursive: true })
  copyFileSync(join(root, 'package.json'), join(installed, 'package.json'))
  for (const name of ['data', 'weights']) symlinkSync(join(root, name), join(installed, name))
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean }>
  }
  for (const [path, { dev }] of Object.entries(packages)) {
    const isTopLevel = path.lastIndexOf('node_modules/') === 0
    const isInstalled = isTopLevel && existsSync(join(root, path))
    if (!isInstalled || (dev && path !== 'node_modules/@sparticuz/chromium')) continue
    mkdirSync(join(folder, dirname(path)), { recursive: true })
    symlinkSync(join(root, path), join(folder, path))
  }
  writeFileSync(join(folder, 'package.json'), '{"type": "module"}')
  return folder
}
