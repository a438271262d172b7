import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as assert from 'uvu/assert'
import { firstFailure } from '../../src/validate/validate.js'
import { modelAdapters, sharedGpu } from '../gpu.js'
import { torchPython } from '../python.js'
import { tempFolder } from '../temp.js'
import { validated } from './validated.js'

/** The path of reference/capture.py. */
export const captureProgram = fileURLToPath(new URL('../../reference/capture.py', import.meta.url))

/**
 * Runs `reference/capture.py` on a model's folder, for two cases.
 *
 * @param options more of its options
 * @returns the paths of their files
 */
export function captured(folder: string, ...options: string[]): string[] {
  const out = tempFolder()
  execFileSync(torchPython()!, [captureProgram, folder, out, '--cases', '2', '--length', '12', ...options], {
    stdio: 'pipe',
  })
  return [0, 1].map((i) => join(out, `case${i}.safetensors`))
}

/** Asserts that a model computes on the GPU what `reference/capture.py` records of it. */
export async function assertCaptured(folder: string, files = captured(folder)): Promise<void> {
  const gpu = await sharedGpu(modelAdapters[0]!)
  const reports = await validated(gpu, folder, files)
  assert.is(firstFailure(reports)?.stage, undefined, folder)
  assert.is(reports.length, 4)
  for (const { stages } of reports) assert.ok(stages.length >= 3, folder)
}
