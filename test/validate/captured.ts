import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as assert from 'uvu/assert'
import { firstFailure } from '../../src/validate/validate.js'
import { modelAdapters, sharedGpu } from '../gpu.js'
import { torchPython } from '../python.js'
import { tempFolder } from '../temp.js'
import { validated } from './validated.js'

const program = fileURLToPath(new URL('../../reference/capture.py', import.meta.url))

/** Asserts that a model computes on the GPU what `reference/capture.py` states of it. */
export async function assertCaptured(folder: string): Promise<void> {
  const gpu = await sharedGpu(modelAdapters[0]!)
  const out = tempFolder()
  execFileSync(torchPython()!, [program, folder, out, '--cases', '2', '--length', '12'], { stdio: 'pipe' })
  const reports = await validated(
    gpu,
    folder,
    [0, 1].map((i) => join(out, `case${i}.safetensors`)),
  )
  assert.is(firstFailure(reports)?.stage, undefined, folder)
  assert.is(reports.length, 4)
  for (const { stages } of reports) assert.ok(stages.length >= 3, folder)
}
