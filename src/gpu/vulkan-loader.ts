import { spawn } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
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
    // A library that opened but is no Node addon "did not self-register"; one that is missing "cannot open".
    return !/cannot open shared object/.test(String(error))
  }
}

/** Whether the system names a Vulkan driver where the loader looks for one: asking Dawn without one prints warnings. */
export function hasVulkanDriver(): boolean {
  if (process.platform !== 'linux') return true
  const { VK_DRIVER_FILES, VK_ICD_FILENAMES, VK_ADD_DRIVER_FILES, XDG_DATA_HOME, XDG_DATA_DIRS } = process.env
  const named = VK_DRIVER_FILES ?? VK_ICD_FILENAMES
  if (named !== undefined) return named.split(delimiter).some((file) => existsSync(file))
  if (VK_ADD_DRIVER_FILES) return true
  const roots = ['/etc', '/usr/local/etc', '/usr/local/share', '/usr/share', ...(XDG_DATA_DIRS?.split(delimiter) ?? [])]
  roots.push(XDG_DATA_HOME || join(homedir(), '.local/share'))
  return roots.some((root) => {
    const folder = join(root, 'vulkan/icd.d')
    return existsSync(folder) && readdirSync(folder).some((file) => file.endsWith('.json'))
  })
}

/**
 * For commands: where the system has no Vulkan loader but SwiftShader's package brings one, starts the same command again
 * with the loader's folder on LD_LIBRARY_PATH and ends this process with that one's exit code. Otherwise returns.
 */
export async function restartWithVulkanLoader(): Promise<void> {
  if (process.env[restarted] || hasVulkanLoader()) return
  const swiftShader = await findSwiftShader()
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
