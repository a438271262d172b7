import { homedir } from 'node:os'
import { join } from 'node:path'
import { InputError } from '../../errors.js'

/**
 * The user's cache folder for this package, `misc-webgpu` in `$XDG_CACHE_HOME`, else in the system's own place: `~/.cache`,
 * `~/Library/Caches` on macOS, `%LOCALAPPDATA%` on Windows.
 *
 * @throws InputError where the user has no home folder, as in a container that was given a number for a user
 */
export function cacheFolder(platform: NodeJS.Platform = process.platform): string {
  const { XDG_CACHE_HOME, LOCALAPPDATA } = process.env
  if (XDG_CACHE_HOME) return join(XDG_CACHE_HOME, 'misc-webgpu')
  if (platform === 'win32') return join(LOCALAPPDATA || join(home(), 'AppData', 'Local'), 'misc-webgpu')
  return join(home(), platform === 'darwin' ? 'Library/Caches' : '.cache', 'misc-webgpu')
}

function home(): string {
  try {
    return homedir()
  } catch {
    throw new InputError('there is no home folder: set XDG_CACHE_HOME to a folder that can be written')
  }
}
