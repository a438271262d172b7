import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { globals } from 'webgpu'
import { NoAdapterError } from '../../../src/errors.js'
import { listAdapters, openAdapter } from '../../../src/platform/node/adapter.js'
import { findSwiftShader } from '../../../src/platform/node/swiftshader.js'
import { runMisc } from '../../cli/misc-process.js'
import { tempFolder } from '../../temp.js'
import { userFolder } from '../../user-folder.js'

const adapters = suite('platform/node/adapter')
const swiftShader = await findSwiftShader()

adapters('lists hardware first, then system software, then SwiftShader', async () => {
  const found = await listAdapters()
  const rank = found.map(({ source, software }) => (source === 'swiftshader' ? 2 : software ? 1 : 0))
  assert.equal(rank, [...rank].sort())
  assert.is(new Set(found.map(({ name }) => name)).size, found.length)
})

adapters('opens by any part of a name, and leaves the environment as it was', async () => {
  const before = { ...process.env }
  for (const { name, source } of await listAdapters()) {
    const { info } = await openAdapter(name.slice(0, 6).toUpperCase())
    assert.equal([info.name, info.source], [name, source])
    assert.ok(info.driver.length > 0)
  }
  assert.equal({ ...process.env }, before)
})

adapters('where the message of Dawn names no adapter, the one that it prefers is found and opens', async () => {
  const known = await listAdapters()
  const { prototype } = (globals as { GPU: { prototype: GPU } }).GPU
  const { requestAdapter } = prototype
  prototype.requestAdapter = async function (options) {
    return requestAdapter.call(this, options).catch(() => {
      throw new Error('no such adapter; there are some others')
    })
  }
  try {
    const found = await listAdapters()
    const sources = (list: typeof known) => [...new Set(list.map(({ source }) => source))]
    assert.equal(sources(found), sources(known))
    assert.is(found.length, sources(known).length)
    for (const { name, source, software } of found) {
      const { adapter, info } = await openAdapter(name)
      assert.equal([info.name, info.source, info.software], [name, source, software])
      await (await adapter.requestDevice()).destroy()
    }
    assert.is((await openAdapter()).info.name, found[0]!.name)
    const aliases = known.some(({ name }) => name.startsWith('llvmpipe')) ? ['lavapipe', 'LLVMpipe'] : []
    if (swiftShader) aliases.push('swiftshader')
    for (const alias of aliases) assert.ok((await openAdapter(alias)).info.software)
    const error = await openAdapter('no such adapter').catch((reason: Error) => reason)
    assert.instance(error, NoAdapterError)
  } finally {
    prototype.requestAdapter = requestAdapter
  }
})

adapters('an unknown name is refused, with the names there are', async () => {
  const names = (await listAdapters()).map(({ name }) => name)
  const error = await openAdapter('no such adapter').catch((reason: Error) => reason)
  assert.instance(error, NoAdapterError)
  assert.is((error as Error).message, `no adapter is called "no such adapter": there is ${names.join(', ')}`)
})

const withSwiftShader = swiftShader ? adapters : adapters.skip
withSwiftShader(
  'without any system driver SwiftShader computes, for two processes that unpack it at once',
  async () => {
    const none = '/nonexistent'
    const env = { ...process.env, VK_ICD_FILENAMES: none, VK_DRIVER_FILES: none, XDG_CACHE_HOME: tempFolder() }
    const run = () => runMisc(['doctor', '--json'], '', undefined, env)
    for (const { status, stdout, stderr } of await Promise.all([run(), run()])) {
      assert.is(status, 0, `stdout: ${stdout}\nstderr: ${stderr}`)
      const { used, adapters, vulkan } = JSON.parse(stdout)
      assert.equal([used.source, adapters.length, vulkan.drivers], ['swiftshader', 1, []])
      assert.ok(used.measured.read_gb_per_s > 0)
    }
  },
)

/** A worker that opens an adapter and tells which, or why not. */
const worker = `
  import { isMainThread, parentPort, SHARE_ENV, Worker } from 'node:worker_threads'
  import { openAdapter } from 'misc-webgpu/adapter'

  if (isMainThread) {
    for (const env of [SHARE_ENV, process.env]) {
      const worker = new Worker(new URL(import.meta.url), { env })
      worker.on('message', (message) => console.log(message))
      await new Promise((resolve) => worker.on('exit', resolve))
    }
  } else {
    const told = ({ info }) => 'found ' + info.source
    parentPort.postMessage(await openAdapter().then(told, (error) => error.message))
  }
`

withSwiftShader('so in a worker that shares the environment; one with a copy is told', () => {
  const folder = userFolder()
  const adapterModule = join(folder, 'node_modules/misc-webgpu/dist/platform/node/adapter.js')
  writeFileSync(join(folder, 'worker.mjs'), worker.replace('misc-webgpu/adapter', adapterModule))
  const noDrivers = { VK_ICD_FILENAMES: '/nonexistent', VK_DRIVER_FILES: '/nonexistent' }
  const env = { ...process.env, ...noDrivers }
  const { stdout, stderr } = spawnSync(process.execPath, ['worker.mjs'], { cwd: folder, env, encoding: 'utf8' })
  const [shared, copied] = stdout.split('\n')
  assert.is(shared, 'found swiftshader', stderr)
  assert.match(
    copied!,
    /^no WebGPU adapter was found: .*; SwiftShader is found in a worker made with { env: SHARE_ENV }$/,
  )
})

adapters.run()
