import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { delimiter, join } from 'node:path'
import { findSwiftShader } from './swiftshader.js'

/** Dawn opens the loader by this name. */
const loaderName = 'libvulkan.so.1'

/** A flag of Linux's dlopen that Node has no name for: the library stays, though Node closes what is no addon. */
const RTLD_NODELETE = 0x1000

/** Whether this process can open the Vulkan loader, which Dawn needs on Linux. */
export function hasVulkanLoader(): boolean {
  return process.platform !== 'linux' || opens(loaderName)
}

/**
 * Where the system has no Vulkan loader, loads the one that SwiftShader's package brings, for as long as this process
 * lives: the dynamic linker knows a library by its own name once it is loaded, wherever it lies. Does nothing where the
 * package is missing or cannot be unpacked.
 */
export async function provideVulkanLoader(): Promise<void> {
  if (hasVulkanLoader()) return
  const swiftShader = await findSwiftShader().catch(() => undefined)
  if (swiftShader) opens(join(swiftShader.folder, loaderName), RTLD_NODELETE)
}

function opens(library: string, flags = 0): boolean {
  try {
    process.dlopen({ exports: {} }, library, constants.dlopen.RTLD_NOW | flags)
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
  const { VK_DRIVER_FILES, VK_ICD_FILENAMES, VK_ADD_DRIVER_FILES, XDG_DATA_HOME, XDG_DATA_DIRS, HOME } = process.env
  const split = (paths = '') => paths.split(delimiter).filter((file) => file !== '' && existsSync(file))
  const named = VK_DRIVER_FILES ?? VK_ICD_FILENAMES
  if (named !== undefined) return split(named)
  const roots = ['/etc', '/usr/local/etc', '/usr/local/share', '/usr/share', ...(XDG_DATA_DIRS?.split(delimiter) ?? [])]
  if (XDG_DATA_HOME || HOME) roots.push(XDG_DATA_HOME || join(HOME!, '.local/share'))
  const folders = [...new Set(roots)].map((root) => join(root, 'vulkan/icd.d')).filter((folder) => existsSync(folder))
  const found = folders.flatMap((folder) => readdirSync(folder).map((file) => join(folder, file)))
  return [...split(VK_ADD_DRIVER_FILES), ...found.filter((file) => file.endsWith('.json'))]
}

/** Whether the system names a Vulkan driver where the loader looks for one: asking Dawn without one prints warnings. */
export function hasVulkanDriver(): boolean {
  return process.platform !== 'linux' || vulkanDriverFiles().length > 0
}
