import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { findSwiftShader } from './swiftshader.js'

const restarted = 'MISC_WEBGPU_RESTARTED'

/**
 * Whether this process can open the Vulkan loader, which Dawn needs on Linux and opens by name. The dynamic linker reads
 * LD_LIBRARY_PATH at process start, so the answer does not change while the process lives.
 */
export function hasVulkanLoader(): boolean {
  if (process.platform !== 'linux') return true
  try {
    process.dlopen({ exports: {} }, 'libvulkan.so.1')
    return true
  } catch (error) {
    // A library that opened but is no Node addon "did not self-register"; all else is the linker's: missing, damaged, …
    return /self-register/.test(String(error))
  }
}

/** The file that the Vulkan loader was opened from, by this or an earlier call; undefined where that is not known. */
export function vulkanLoaderFile(): string | undefined {
  if (process.platform !== 'linux' || !hasVulkanLoader()) return undefined
  return /\S*\/libvulkan\.so\.\S*/.exec(readFileSync('/proc/self/maps', 'utf8'))?.[0]
}

/** The files that name Vulkan drivers where the loader looks for them, on Linux. */
export function vulkanDriverFiles(): string[] {
  const { VK_DRIVER_FILES, VK_ICD_FILENAMES, VK_ADD_DRIVER_FILES, XDG_DATA_HOME, XDG_DATA_DIRS } = process.env
  const split = (paths = '') => paths.split(delimiter).filter((file) => file !== '' && existsSync(file))
  const named = VK_DRIVER_FILES ?? VK_ICD_FILENAMES
  if (named !== undefined) return split(named)
  const roots = ['/etc', '/usr/local/etc', '/usr/local/share', '/usr/share', ...(XDG_DATA_DIRS?.split(delimiter) ?? [])]
  roots.push(XDG_DATA_HOME || join(homedir(), '.local/share'))
  const folders = [...new Set(roots)].map((root) => join(root, 'vulkan/icd.d')).filter((folder) => existsSync(folder))
  const found = folders.flatMap((folder) => readdirSync(folder).map((file) => join(folder, file)))
  return [...split(VK_ADD_DRIVER_FILES), ...found.filter((file) => file.endsWith('.json'))]
}

/** Whether the system names a Vulkan driver where the loader looks for one: asking Dawn without one prints warnings. */
export function hasVulkanDriver(): boolean {
  return process.platform !== 'linux' || vulkanDriverFiles().length > 0
}

/** Whether {@link restartWithVulkanLoader} started this process. */
export function wasRestarted(): boolean {
  return process.env[restarted] !== undefined
}

/**
 * For commands: where the system has no Vulkan loader but SwiftShader's package brings one, starts the same command again
 * with the loader's folder on LD_LIBRARY_PATH and ends this process with that one's exit code. Otherwise returns.
 */
export async function restartWithVulkanLoader(): Promise<void> {
  if (wasRestarted() || hasVulkanLoader()) return
  const swiftShader = await findSwiftShader().catch(() => undefined)
  if (!swiftShader) return
  const path = [swiftShader.folder, process.env.LD_LIBRARY_PATH].filter(Boolean).join(delimiter)
  const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    stdio: 'inherit',
    env: { ...process.env, LD_LIBRARY_PATH: path, [restarted]: '1' },
  })
  // The terminal sends Ctrl-C to both: the child decides what it means. Other signals are passed on.
  process.on('SIGINT', () => {})
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal))
  const status = await new Promise<number>((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', (code, signal) => resolve(code ?? (signal === 'SIGINT' ? 130 : 143)))
  })
  process.exit(status)
}
