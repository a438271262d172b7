import type { LoadedModel } from './against.js'
import { type Bisection, bisect } from './bisect.js'
import { CaseRun } from './case-run.js'
import type { StageLimits } from './comparison.js'
import { OpCapture, weightBuffers } from './op-capture.js'
import { type OpReport, opReports } from './op-report.js'
import type { CaseInputs, ReferenceCase } from './reference-case.js'
import { reproduction } from './reproduction.js'
import type { Failure } from './validate.js'

/** Where the first stage that is off goes wrong, and a program that does so again. */
export interface Examination {
  readonly bisection: Bisection
  /** Undefined where no op is off. */
  readonly reproduction: string | undefined
}

/**
 * Looks into the first stage that is off: {@link bisect}, and {@link reproduction} of the op that is off.
 *
 * @returns undefined where decoded ids alone differ
 */
export async function examine(
  { gpu, model }: LoadedModel,
  references: readonly ReferenceCase[],
  failure: Failure,
  limits: StageLimits,
): Promise<Examination | undefined> {
  const reference = references.find(({ file }) => file === failure.report.file)
  if (!reference || failure.stage === 'decode') return undefined
  using found = await bisect(gpu, model, reference, failure, limits)
  const { bisection, op } = found
  const program = op && bisection.bad?.error ? await reproduction(gpu, op, bisection.bad) : undefined
  return { bisection, reproduction: program }
}

/** How large the values are that each dispatch of a case writes, the decoder in one pass. */
export async function rangesOfOps({ gpu, model }: LoadedModel, inputs: CaseInputs): Promise<OpReport[]> {
  using observer = new OpCapture(gpu, weightBuffers(model.weights))
  const run = new CaseRun(gpu, model, inputs)
  try {
    await run.full({ wanted: new Set(), observer })
    return await opReports(gpu, observer)
  } finally {
    run.dispose()
  }
}
