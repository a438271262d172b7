import { describeFolder, openModel } from '../../src/engine/load-model.js'
import type { Gpu } from '../../src/gpu/gpu.js'
import type { WeightDtype } from '../../src/gpu/tensor.js'
import { stageLimits } from '../../src/validate/comparison.js'
import { fusionLoss } from '../../src/validate/fusion-twin.js'
import { readReferenceCase } from '../../src/validate/reference-case.js'
import { type CaseReport, validateCase } from '../../src/validate/validate.js'

/** A model compared with reference files, as `misc validate` does. */
export async function validated(
  gpu: Gpu,
  folder: string,
  files: readonly string[],
  dtype: WeightDtype = 'f32',
): Promise<CaseReport[]> {
  const description = await describeFolder(folder)
  const model = await openModel(gpu, folder, { dtype })
  const reports: CaseReport[] = []
  for (const file of files) {
    const reference = await readReferenceCase(file, description)
    let passes = 0
    const cases = await validateCase(gpu, model, reference, {
      limits: stageLimits(dtype, description.family),
      float32Loss: dtype === 'f32' ? fusionLoss(description, reference.inputs) : undefined,
      onPass: () => passes++,
    })
    if (passes !== cases.length) throw new Error(`${passes} passes for ${cases.length} reports`)
    reports.push(...cases)
  }
  model.dispose()
  return reports
}
