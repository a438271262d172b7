import { spawnSync } from 'node:child_process'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { cacheFolder } from '../../../src/platform/node/cache-folder.js'

const folders = suite('platform/node/cache-folder')
const saved = { XDG_CACHE_HOME: process.env.XDG_CACHE_HOME, LOCALAPPDATA: process.env.LOCALAPPDATA }

folders.after(() => {
  for (const [name, value] of Object.entries(saved)) {
    if (value === undefined) delete process.env[name]
    else process.env[name] = value
  }
})

folders("XDG_CACHE_HOME, else the system's own place", () => {
  process.env.XDG_CACHE_HOME = '/somewhere'
  assert.is(cacheFolder('darwin'), join('/somewhere', 'misc-webgpu'))
  process.env.XDG_CACHE_HOME = ''
  delete process.env.LOCALAPPDATA
  assert.is(cacheFolder('linux'), join(homedir(), '.cache', 'misc-webgpu'))
  assert.is(cacheFolder('darwin'), join(homedir(), 'Library', 'Caches', 'misc-webgpu'))
  assert.is(cacheFolder('win32'), join(homedir(), 'AppData', 'Local', 'misc-webgpu'))
  process.env.LOCALAPPDATA = '/local'
  assert.is(cacheFolder('win32'), join('/local', 'misc-webgpu'))
})

folders('a user without a home folder is told what to set', () => {
  if (process.getuid?.() !== 0) {
    process.stderr.write('skipped, only root may: a process of a user who has no home folder\n')
    return
  }
  const module = new URL('../../../src/platform/node/cache-folder.ts', import.meta.url)
  const { HOME, XDG_CACHE_HOME, ...env } = process.env
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [
      '--import',
      'tsx',
      '-e',
      `import('${module}').then((it) => it.cacheFolder()).catch((it) => console.log(String(it)))`,
    ],
    { encoding: 'utf8', uid: 54321, env },
  )
  assert.is(stdout, 'InputError: there is no home folder: set XDG_CACHE_HOME to a folder that can be written\n', stderr)
})

folders.run()
