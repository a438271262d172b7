/** The full-size model, on weights of the formula: numerics, memory and time to load. */
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { CaseReport } from '../../src/validate/validate.js'
import { testAdapters } from '../gpu.js'
import { sharedPath, skipWithoutShared } from '../shared.js'
import { tempFolder } from '../temp.js'
import { misc, root, runCommand } from './run-command.js'

const base = skipWithoutShared(suite('base'), 'the base model’s configs and captures')

// SwiftShader computes it too, six times slower: validated by hand, not in every run.
const adapter = testAdapters[0]!
const folder = tempFolder()

for (const variant of ['released', 'paper']) {
  base(`misc-base-${variant} agrees with its capture at every stage on ${adapter}`, () => {
    const golden = sharedPath('golden', `misc-base-${variant}`)!
    const model = join(folder, variant)
    assert.is(misc(['synth', join(golden, 'config.json'), model]).code, 0)
    const reference = join(golden, 'case0.safetensors')
    const { code, stdout, stderr } = misc(['validate', model, '--reference', reference, '--adapter', adapter, '--json'])
    assert.is(code, 0, stderr)
    const report = JSON.parse(stdout) as { ok: boolean; first_failure: string | null; cases: CaseReport[] }
    assert.is(report.ok, true)
    assert.is(report.first_failure, null)
    assert.equal(
      report.cases.map((it) => [it.mode, it.argmax_agreement, it.greedy_agreement]),
      [
        ['full', 1, 1],
        ['cached', 1, 1],
      ],
    )
    for (const { stages } of report.cases) assert.ok(stages.some((it) => it.name === 'logits' && it.max_abs <= 2e-4))
  })
}

base(`loading it in any dtype takes under 400 MB of host memory above the GPU buffers on ${adapter}`, () => {
  const measure = (...model: string[]) => {
    const args = ['--import', 'tsx', join(root, 'test/long/load-memory.ts'), adapter, ...model]
    const { code, stdout, stderr } = runCommand(process.execPath, args)
    assert.is(code, 0, stderr)
    return JSON.parse(stdout) as { peakBytes: number; bufferBytes: number }
  }
  const bare = measure()
  for (const [dtype, least] of [
    ['f32', 450e6],
    ['f16', 230e6],
    ['int8', 110e6],
  ] as const) {
    const { bufferBytes, peakBytes } = measure(join(folder, 'released'), dtype)
    assert.ok(bufferBytes > least && bufferBytes < 1.25 * least, `${dtype}: buffers of ${bufferBytes} bytes`)
    const above = Math.round((peakBytes - bufferBytes - bare.peakBytes) / 1e6)
    assert.ok(above < 400, `${dtype}: ${above} MB above the buffers and a process with an open device`)
  }
})

base.run()
