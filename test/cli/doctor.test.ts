import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { listAdapters } from '../../src/platform/node/adapter.js'
import { findSwiftShader } from '../../src/platform/node/swiftshader.js'
import { tempFolder } from '../temp.js'
import { misc } from './run.js'

const doctor = suite('cli/doctor')
const adapters = await listAdapters()
const root = fileURLToPath(new URL('../../', import.meta.url))

for (const { name } of adapters) {
  doctor(`${name}: JSON and nothing else on stdout`, () => {
    const { status, stdout } = misc(['doctor', '--json', '--adapter', name])
    assert.is(status, 0)
    const diagnosis = JSON.parse(stdout)
    assert.equal([diagnosis.ok, diagnosis.problem, diagnosis.used.name], [true, null, name])
    assert.equal(diagnosis.adapters, adapters)
    assert.ok(diagnosis.used.measured.read_gb_per_s > 0)
    assert.ok(diagnosis.used.limits.maxStorageBufferBindingSize >= 2 ** 27)
  })
}

doctor('a report in words', () => {
  const { status, stdout } = misc(['doctor'])
  assert.is(status, 0)
  assert.match(stdout, /^misc-webgpu \S+, Node \S+, webgpu \(Dawn\) \S+, /)
  for (const { name, software } of adapters) {
    assert.ok(stdout.includes(name))
    assert.match(stdout, software ? /software/ : /hardware/)
  }
  assert.match(stdout, /^ {2}measured +reads weights at \S+ GB\/s; \S+ ms a round trip$/m)
})

doctor('an unknown adapter: the report, and exit code 3', () => {
  const json = misc(['doctor', '--adapter', 'nosuch', '--json'])
  assert.is(json.status, 3)
  const { ok, used, problem, adapters: found } = JSON.parse(json.stdout)
  assert.equal([ok, used, found], [false, null, adapters])
  assert.match(problem, /^no adapter is called "nosuch": there is /)
  const { status, stdout } = misc(['doctor', '--adapter', 'nosuch'])
  assert.is(status, 3)
  assert.match(stdout, /\nproblem: no adapter is called "nosuch"/)
})

doctor('no adapter at all: what to install, and exit code 3', () => {
  if (process.platform !== 'linux') return
  // The package as it is where SwiftShader's package was left out.
  const copy = tempFolder()
  for (const part of ['src', 'shaders', 'package.json']) cpSync(join(root, part), join(copy, part), { recursive: true })
  mkdirSync(join(copy, 'node_modules'))
  for (const name of readdirSync(join(root, 'node_modules'))) {
    if (name !== '@sparticuz') symlinkSync(join(root, 'node_modules', name), join(copy, 'node_modules', name))
  }
  const run = (...args: string[]) =>
    spawnSync(process.execPath, ['--import', 'tsx', join(copy, 'src/cli/main.ts'), 'doctor', ...args], {
      encoding: 'utf8',
      cwd: copy,
      timeout: 120_000,
      env: { ...process.env, VK_ICD_FILENAMES: '/nonexistent', VK_DRIVER_FILES: '/nonexistent' },
    })
  const json = run('--json')
  assert.is(json.status, 3)
  const { ok, used, problem, advice, swiftshader } = JSON.parse(json.stdout)
  assert.equal([ok, used, swiftshader.folder], [false, null, null])
  assert.match(problem, /^no WebGPU adapter was found: install /)
  assert.match(advice[0], /mesa-vulkan-drivers of Mesa 23 or newer, or npm install @sparticuz\/chromium/)
  const { status, stdout } = run()
  assert.is(status, 3)
  assert.match(stdout, /^adapters: none$/m)
})

doctor('a cache folder that cannot be written is said, and nothing that contradicts it', async () => {
  if (!(await findSwiftShader())) return void process.stderr.write('skipped, SwiftShader is not here\n')
  const file = join(tempFolder(), 'file')
  writeFileSync(file, '')
  const env = { XDG_CACHE_HOME: file, VK_ICD_FILENAMES: '/nonexistent', VK_DRIVER_FILES: '/nonexistent' }
  const json = misc(['doctor', '--json'], env)
  assert.is(json.status, 3)
  const { problem, swiftshader, cache, advice } = JSON.parse(json.stdout)
  assert.match(problem, /^SwiftShader cannot be unpacked into .*: set XDG_CACHE_HOME to a folder that can be written$/)
  assert.equal(swiftshader, { package: '@sparticuz/chromium', folder: null, problem })
  assert.is(cache.folder, join(file, 'misc-webgpu'))
  assert.match(cache.problem, /cannot be written \(E(NOTDIR|EXIST).*set XDG_CACHE_HOME/)
  assert.equal(advice, [problem])
  const { stdout } = misc(['doctor'], env)
  assert.match(stdout, /^SwiftShader +in the npm package @sparticuz\/chromium, but not unpacked$/m)
  assert.match(stdout, /^cache folder +\S+misc-webgpu, cannot be written$/m)
  assert.not.match(stdout, /not here|install/)
})

doctor('where the cache folder cannot be written, misc tune is not advised to write there', () => {
  const file = join(tempFolder(), 'file')
  writeFileSync(file, '')
  const system = adapters.find(({ source }) => source === 'system')
  if (!system) return void process.stderr.write('skipped, no driver of the system: an adapter without a cache\n')
  const { status, stdout } = misc(['doctor', '--adapter', system.name], { XDG_CACHE_HOME: file })
  assert.is(status, 0)
  assert.match(stdout, /^ {2}tuned kernels +none in use: the cache folder cannot be written$/m)
  assert.match(stdout, /^ {2}- .*set XDG_CACHE_HOME/m)
})

doctor('--dtype is refused: nothing of what it says depends on it', () => {
  const { status, stdout, stderr } = misc(['doctor', '--dtype', 'int8'])
  assert.equal([status, stdout], [2, ''])
  assert.match(stderr, /unknown option '--dtype'/)
})

doctor.run()
