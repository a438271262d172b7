import { tempFolder } from '../../temp.js'

/** Does the work with an empty cache folder of its own, or with this one. */
export async function inCache<T>(work: () => Promise<T>, folder = tempFolder()): Promise<T> {
  const saved = process.env.XDG_CACHE_HOME
  process.env.XDG_CACHE_HOME = folder
  try {
    return await work()
  } finally {
    if (saved === undefined) delete process.env.XDG_CACHE_HOME
    else process.env.XDG_CACHE_HOME = saved
  }
}
