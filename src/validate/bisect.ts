import type { Gpu } from '../gpu/gpu.js'
import type { Model } from '../models/model.js'
import { CaseRun, type StageValues } from './case-run.js'
import { compareStage, type StageComparison, type StageLimits } from './comparison.js'
import { type CapturedOp, OpCapture, weightBuffers } from './op-capture.js'
import { checkOps, type OpCheck } from './op-report.js'
import type { ReferenceCase } from './reference-case.js'
import type { Failure } from './validate.js'

/** What a kernel variant makes of the stage that is off. */
export interface VariantCheck {
  /** `product`, `attention`, `cached-attention` or `cross-attention`. */
  readonly op: string
  readonly variant: string
  /** The largest error that the stage adds with it. */
  readonly added_max_abs: number
  readonly ok: boolean
}

/** Where in a stage an error comes from. */
export interface Bisection {
  readonly stage: string
  readonly mode: 'full' | 'cached'
  /** Where the decoder goes id by id: which step was looked into. */
  readonly step?: number
  /** The dispatches of the stage, up to the first that is off. */
  readonly ops: readonly OpCheck[]
  /** The dispatch that is off, if any is. */
  readonly bad: OpCheck | null
  /** The stage with each variant of the kernel that is off, or of all kernels of the stage. */
  readonly variants: readonly VariantCheck[]
  /** Labels of the weights that the stage reads. */
  readonly weights: readonly string[]
}

/** What is found, and the dispatch that is off with what it read: to be freed with {@link BisectionResult.dispose}. */
export interface BisectionResult extends Disposable {
  readonly bisection: Bisection
  readonly op: CapturedOp | undefined
}

/**
 * Runs the first stage that is off once more from the reference's inputs, and its dispatches one by one in float64 from what
 * each of them read; and the stage with every variant that its kernels have.
 */
export async function bisect(
  gpu: Gpu,
  model: Model,
  reference: ReferenceCase,
  { report, stage }: Failure,
  limits: StageLimits,
): Promise<BisectionResult> {
  const { mode } = report
  const run = new CaseRun(gpu, model, reference)
  const { stages: instead } = reference
  const weights = weightBuffers(model.weights)
  const replay = (observer?: OpCapture, steps?: number): Promise<StageValues> => {
    const options = { instead, ...(observer && { observer }) }
    // States of blocks that are kept would be those of another variant.
    model.forget()
    return mode === 'full' ? run.full(options) : run.cached(options, steps)
  }
  let capture: OpCapture | undefined
  try {
    const step = mode === 'cached' ? firstStepOff(run, stage, await replay(), instead, limits) : undefined
    using scout = new OpCapture(gpu, weights)
    await replay(scout, 1)
    const end = scout.ops.findLastIndex((op) => op.stage === stage) + 1 || scout.ops.length

    capture = new OpCapture(gpu, weights, (index) => index < end)
    await replay(capture, step === undefined ? undefined : step + 1)
    const { own, before } = opsOf(capture, stage, end)
    const ops: OpCheck[] = []
    for await (const op of checkOps(gpu, capture, [...own, ...before])) {
      // What was recorded ahead of the stage, as keys and values of sources are, is shown where it is off alone.
      if (own.includes(op.index) || !op.ok) ops.push(op)
      if (!op.ok) break
    }
    const bad = ops.find((op) => !op.ok) ?? null
    const ofStage = own.map((index) => capture!.ops[index]!)
    const suspects = bad ? [capture.ops[bad.index]!] : ofStage
    const variants = await checkVariants(gpu, suspects, async () =>
      compareStage(stage, (await replay()).get(stage)!, instead.get(stage)!, limits),
    )
    const read = new Set(ofStage.flatMap((op) => Object.values(op.parts).map(({ tensor }) => tensor)))
    const bisection = {
      ...{ stage, mode, ...(step !== undefined && { step }), ops, bad, variants },
      weights: [...new Set([...read].filter(({ buffer }) => weights.has(buffer)).map(({ label }) => label))],
    }
    const kept = capture
    return { bisection, op: bad ? kept.ops[bad.index] : undefined, [Symbol.dispose]: () => kept.dispose() }
  } catch (error) {
    capture?.dispose()
    throw error
  } finally {
    run.dispose()
  }
}

/** Numbers of the dispatches that are a stage's own, and of those before its end that are not. */
function opsOf({ ops }: OpCapture, stage: string, end: number): { own: number[]; before: number[] } {
  const all = [...ops.slice(0, end).keys()]
  const told = all.filter((i) => ops[i]!.stage === stage)
  // The released fusion goes along with the encoder's layers, and is told of in the end: its working memory has its name.
  const prefix = `${stage.split('.')[0]}.`
  const writes = (i: number) => Object.values(ops[i]!.parts).some(({ tensor }) => tensor.label.startsWith(prefix))
  const own = told.length > 0 ? told : all.filter(writes)
  return { own, before: all.filter((i) => !own.includes(i)) }
}

/** The first step of the decoder at which a stage adds more than it may. */
function firstStepOff(
  run: CaseRun,
  stage: string,
  added: StageValues,
  instead: StageValues,
  limits: StageLimits,
): number {
  const { rows } = run
  const [own, expected] = [added.get(stage)!, instead.get(stage)!]
  const size = (rows.padded(stage, own).length / rows.longest) | 0
  for (let step = 0; step < rows.longest; step++) {
    const [a, b] = [rows.at(step, stage, own, size), rows.at(step, stage, expected, size)]
    if (a && b && !compareStage(stage, a, b, limits).ok) return step
  }
  return rows.longest - 1
}

/** What a kernel is a variant of. A product has the same kernels for few rows and for many, and is asked for as two ops. */
function opOf({ kernel }: CapturedOp): VariantCheck['op'] {
  const name = kernel.shader.name.split('.')[0]!
  return /^gem[mv]$/.test(name) ? 'product' : name.replace('attention-wide', 'attention')
}

/** Compares the stage with each variant of the suspects' ops; what was chosen before is chosen again in the end. */
async function checkVariants(
  gpu: Gpu,
  suspects: readonly CapturedOp[],
  compare: () => Promise<StageComparison>,
): Promise<VariantCheck[]> {
  const { variants } = gpu
  const { measured } = variants
  const checks: VariantCheck[] = []
  for (const op of new Set(suspects.map(opOf))) {
    const classes = variants.asked.filter(({ shapeClass }) => shapeClass.op.replace(/^gem[mv]$/, 'product') === op)
    for (const variant of new Set(classes.flatMap(({ candidates }) => candidates))) {
      const chosen = classes.filter(({ candidates }) => candidates.includes(variant))
      variants.adopt(new Map([...measured, ...chosen.map(({ shapeClass }) => [shapeClass.key, variant] as const)]))
      try {
        const { added_max_abs, ok } = await compare()
        checks.push({ op, variant, added_max_abs, ok })
      } finally {
        variants.adopt(measured)
      }
    }
  }
  return checks
}

/** What a bisection says, in a line. */
export function bisectionVerdict({ bad, variants, mode, weights }: Bisection): string {
  if (bad) {
    const [right, wrong] = [variants.filter(({ ok }) => ok), variants.filter(({ ok }) => !ok)]
    const where = `dispatch ${bad.index}, ${bad.kernel}, which writes ${bad.out}`
    const values = bad.error
      ? `: its value ${bad.error.index} is ${bad.error.value}, float64 gives ${bad.error.exact}`
      : ''
    const names = (checks: readonly VariantCheck[]) => checks.map(({ variant }) => variant).join(', ')
    if (right.length > 0 && wrong.length > 0) {
      return `${where}${values}; the stage is well with the variants ${names(right)}, and off with ${names(wrong)}`
    }
    return `${where}${values}`
  }
  if (mode === 'cached') {
    return 'every op gives what float64 makes of what it read: what earlier steps left in the cache is not what they computed'
  }
  return (
    'every op gives what float64 makes of its inputs and weights: the weights are not the reference’s, or the equations are. ' +
    `Weights read: ${weights.join(', ')}`
  )
}
