import { readdirSync, readFileSync } from 'node:fs'
import * as assert from 'uvu/assert'
import { gpuSuite } from '../gpu.js'

const folder = new URL('../../shaders/', import.meta.url)
const files = readdirSync(folder).filter((name) => name.endsWith('.wgsl'))

gpuSuite('shaders', (test) => {
  test('every file is valid WGSL as it lies in the folder', async ({ device }) => {
    assert.ok(files.length > 0)
    for (const file of files) {
      device.pushErrorScope('validation')
      const module = device.createShaderModule({ label: file, code: readFileSync(new URL(file, folder), 'utf8') })
      const { messages } = await module.getCompilationInfo()
      await device.popErrorScope()
      const errors = messages.filter(({ type }) => type === 'error')
      assert.equal(
        errors.map(({ lineNum, linePos, message }) => `${file}:${lineNum}:${linePos}: ${message}`),
        [],
      )
    }
  })
})
