import type { Gpu } from '../gpu/gpu.js'
import type { Model } from '../models/model.js'
import { CaseRun, type StageValues } from './case-run.js'
import { argMaxAgreement, compareStage, type StageComparison, type StageLimits } from './comparison.js'
import { decodedAtOnce, decodedByStep } from './decoded-ids.js'
import type { Float32Loss } from './fusion-twin.js'
import type { CaseInputs, ReferenceCase } from './reference-case.js'

/** How one reference file compares, in one of the two ways to run the decoder. */
export interface CaseReport {
  readonly file: string
  /** `full`: the decoder in one teacher-forced pass; `cached`: id by id through the KV-cache. */
  readonly mode: 'full' | 'cached'
  /** In the order of computation; those that the file holds. */
  readonly stages: readonly StageComparison[]
  /** The part of the positions whose best logit is the same; null where the file has neither logits nor log_probs. */
  readonly argmax_agreement: number | null
  /** The part of the reference's decoded ids that are the same; null where the file has none. */
  readonly greedy_agreement: number | null
}

/** The first thing that is off in a report. */
export interface Failure {
  readonly report: CaseReport
  /** The first stage beyond its tolerance; `decode` where all stages are well but decoded ids differ. */
  readonly stage: string
}

/** What is off first, if anything is. Decoded ids count: they are compared only where scores decide them. */
export function firstFailure(reports: readonly CaseReport[]): Failure | undefined {
  for (const report of reports) {
    const stage = report.stages.find((it) => !it.ok)?.name
    if (stage) return { report, stage }
    if (report.greedy_agreement !== null && report.greedy_agreement < 1) return { report, stage: 'decode' }
  }
  return undefined
}

/** How {@link validateCase} compares. */
export interface ValidateOptions {
  /** Largest absolute errors: see {@link stageLimits}. */
  readonly limits: StageLimits
  /** What float32 loses in stages that are badly conditioned, where that is known. */
  readonly float32Loss?: Float32Loss | undefined
  /** Called after each of the two ways. */
  readonly onPass?: () => void
}

/** Compares a model with a reference capture, stage by stage, both ways. */
export async function validateCase(
  gpu: Gpu,
  model: Model,
  reference: ReferenceCase,
  options: ValidateOptions,
): Promise<CaseReport[]> {
  const run = new CaseRun(gpu, model, reference)
  const { limits, onPass } = options
  const { stages: instead } = reference
  const wanted = new Set(instead.keys())
  try {
    // Each stage once more, from the reference's values of those before it: what is off then, it has added itself.
    const full = await report('full', await run.full({ wanted }), await run.full({ instead }), {
      ...{ reference, model, options },
      decoded: await decodedAtOnce(run, reference, limits.hidden),
    })
    onPass?.()
    const cached = await report('cached', await run.cached({ wanted }), await run.cached({ instead }), {
      ...{ reference, model, options },
      decoded: await decodedByStep(run, reference, limits.hidden),
    })
    onPass?.()
    return [full, cached]
  } finally {
    run.dispose()
  }
}

/** What a model computes of a case's inputs, in one pass: a reference for other runs of the same model. */
export async function captureCase(gpu: Gpu, model: Model, inputs: CaseInputs): Promise<ReferenceCase> {
  const run = new CaseRun(gpu, model, inputs)
  try {
    return { ...inputs, stages: await run.full(), decodes: [] }
  } finally {
    run.dispose()
  }
}

async function report(
  mode: CaseReport['mode'],
  actual: StageValues,
  added: StageValues,
  of: {
    readonly reference: ReferenceCase
    readonly model: Model
    readonly options: ValidateOptions
    readonly decoded: readonly boolean[]
  },
): Promise<CaseReport> {
  const { reference, model, options, decoded } = of
  const { file, stages } = reference
  const { vocabSize } = model.config
  // Where it is known what float32 loses, a stage needs no more room than others until that is asked for.
  const { hidden, fusion } = options.limits
  const limits = { ...options.limits, fusion: options.float32Loss ? Math.min(hidden, fusion) : fusion }
  // What the stages of the replay read: the reference's values, and its own where the reference has none.
  const read = new Map([...added, ...stages])
  const compared: StageComparison[] = []
  for (const name of actual.keys()) {
    const expected = stages.get(name)
    if (!expected) continue
    const [own, ofItself] = [actual.get(name)!, added.get(name)]
    const stage = compareStage(name, own, expected, limits, ofItself)
    const steep = name.startsWith('fusion.') && stage.added_max_abs > limits.hidden
    const losses = steep ? await options.float32Loss?.(name, read) : undefined
    compared.push(losses ? compareStage(name, own, expected, limits, ofItself, losses) : stage)
  }
  const scores = ['logits', 'log_probs'].find((name) => stages.has(name))
  return {
    file,
    mode,
    stages: compared,
    argmax_agreement: scores ? argMaxAgreement(actual.get(scores)!, stages.get(scores)!, vocabSize) : null,
    greedy_agreement: decoded.length > 0 ? decoded.filter(Boolean).length / decoded.length : null,
  }
}
