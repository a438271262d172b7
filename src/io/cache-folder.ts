import { homedir } from 'node:os'
import { join } from 'node:path'

/**
 * The user's cache folder for this package, `misc-webgpu` in `$XDG_CACHE_HOME`, else in the system's own place: `~/.cache`,
 * `~/Library/Caches` on macOS, `%LOCALAPPDATA%` on Windows.
 */
export function cacheFolder(platform: NodeJS.Platform = process.platform): string {
  const { XDG_CACHE_HOME, LOCALAPPDATA } = process.env
  if (XDG_CACHE_HOME) return join(XDG_CACHE_HOME, 'misc-webgpu')
  if (platform === 'win32') return join(LOCALAPPDATA || join(homedir(), 'AppData', 'Local'), 'misc-webgpu')
  return join(homedir(), platform === 'darwin' ? 'Library/Caches' : '.cache', 'misc-webgpu')
}
