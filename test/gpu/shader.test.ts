import { readdirSync, readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { GpuError } from '../../src/errors.js'
import { loadShader } from '../../src/gpu/shader.js'

const shader = suite('gpu/shader')

shader('reads bindings and parameters from the declarations', () => {
  const { bindings, params } = loadShader('copy-rows')
  assert.equal(
    bindings.map(({ name, index, type }) => `${index} ${name} ${type}`),
    [
      '0 source read-only-storage',
      '1 from_row read-only-storage',
      '2 to_row read-only-storage',
      '3 out storage',
      '4 params uniform',
    ],
  )
  assert.equal(
    params.map(({ name, type }) => `${name} ${type}`),
    ['d u32', 'source_rows u32', 'target_rows u32'],
  )
})

shader('a constant goes into the text, an override beside it; an unknown one is refused', () => {
  const { code, overrides } = loadShader('copy-rows', { LANES: 32, HAS_TO: 1 })
  assert.match(code, /^const LANES: u32 = 32;$/m)
  assert.equal(overrides, { HAS_TO: 1 })
  assert.throws(
    () => loadShader('copy-rows', { LANE: 32 }),
    (error: Error) => error instanceof GpuError && error.message === 'shader copy-rows declares no constant LANE',
  )
})

shader('stand-ins are replaced by the helper that they name', () => {
  assert.not.match(loadShader('gemm.plain').code, /\/\/ from \S+\.wgsl$/m)
})

shader('a word among the constants picks one of several helpers', () => {
  assert.match(loadShader('embed', { weights: 'f32' }).code, /^alias Weights4 = vec4f;$/m)
  assert.match(loadShader('embed', { weights: 'int8' }).code, /^alias Weights4 = u32;$/m)
  assert.throws(() => loadShader('copy-rows', { weights: 'f16' }), /shader copy-rows takes no helper weights/)
})

shader('a helper may be picked for every shader that names it, and brings its directives along', () => {
  const names = (form: string) => loadShader('gemm.subgroup', {}, { main: form }).bindings.map((it) => it.name)
  assert.not.ok(names('grid').includes('tickets'))
  assert.ok(names('dealt').includes('tickets'))
  assert.match(loadShader('gemv.words', {}, { parts: 'dealt' }).code, /^enable subgroups;\ndiagnostic\(off/)
  assert.is(loadShader('copy-rows', {}, { main: 'dealt' }).code, loadShader('copy-rows').code)
})

shader('what a dealing loop does again and again relies on no var being zeroed again', () => {
  const folder = new URL('../../shaders/', import.meta.url)
  let seen = 0
  for (const file of readdirSync(folder)) {
    const body = /^fn work\(.*\{\n([\s\S]*?)^\}/m.exec(readFileSync(new URL(file, folder), 'utf8'))?.[1] ?? ''
    for (const [declaration, name] of body.matchAll(/^ *var (\w+): [^=]*;.*\n/gm)) {
      const after = body.slice(body.indexOf(declaration) + declaration.length)
      const use = after.split('\n').find((line) => new RegExp(`\\b${name}\\b`).test(line))
      assert.match(use!, new RegExp(`^ *${name}(\\[\\w+\\])* = (?!.*\\b${name}\\b)`), `${file}: ${name}`)
      seen++
    }
  }
  assert.ok(seen >= 8, `${seen} vars`)
})

shader.run()
