import { homedir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { cacheFolder } from '../../src/io/cache-folder.js'

const folders = suite('io/cache-folder')
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

folders.run()
