import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { listAdapters } from '../../src/gpu/adapter.js'
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

doctor.run()
