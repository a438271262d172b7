import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { listAdapters } from '../../../src/platform/node/adapter.js'
import { findSwiftShader } from '../../../src/platform/node/swiftshader.js'
import { compiledMain } from '../../cli/compiled-main.js'
import { tinyModel } from '../../engine-model.js'
import { tempFolder } from '../../temp.js'

const loader = suite('platform/node/vulkan-loader')
const swiftShader = await findSwiftShader()

/** Starts `misc ARGS…` in a mount namespace of its own, where each Vulkan loader of the system is an empty file. */
function withoutLoader(...command: string[]): ChildProcess {
  const loaders = spawnSync('ldconfig', ['-p'], { encoding: 'utf8' }).stdout ?? ''
  const files = [...loaders.matchAll(/libvulkan\.so\.1 .* => (\S+)/g)].map((match) => match[1]!)
  const empty = join(tempFolder(), 'empty')
  writeFileSync(empty, '')
  const hide = files.map((file) => `mount --bind ${empty} ${file} &&`).join(' ')
  return spawn('unshare', ['-m', 'bash', '-c', `${hide} exec "$@"`, 'bash', ...command], {
    env: { ...process.env, LD_LIBRARY_PATH: '' },
  })
}

const misc = (...args: string[]) => withoutLoader(process.execPath, compiledMain, ...args)

const [code] = swiftShader ? await once(withoutLoader('true'), 'exit') : [0]
if (code !== 0) process.stderr.write('skipped, unshare is not permitted: a machine without a Vulkan loader\n')
const test = swiftShader && code === 0 ? loader : loader.skip

test('where the system has no Vulkan loader, the one of SwiftShader serves the same adapters', async () => {
  const doctor = misc('doctor', '--json')
  const { ok, adapters, vulkan, problem } = JSON.parse(await text(doctor.stdout!))
  assert.equal([ok, problem], [true, null])
  assert.is(vulkan.loader, join(swiftShader!.folder, 'libvulkan.so.1'))
  assert.equal(adapters, await listAdapters())
})

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGKILL', 'SIGSEGV'] as const) {
  test(`a command there is one process, which ${signal} ends`, async () => {
    const chat = misc('chat', await tinyModel(), '--adapter', 'swiftshader')
    const ended = once(chat, 'exit')
    await once(chat.stderr!, 'data')
    assert.is(readFileSync(`/proc/${chat.pid}/task/${chat.pid}/children`, 'utf8'), '')
    chat.kill(signal)
    assert.equal(await ended, [null, signal])
  })
}

loader.run()
