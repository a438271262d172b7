import type { Gpu } from '../gpu/gpu.js'
import { Recorder, type Recording } from '../gpu/recorder.js'
import type { ShapeClass } from '../gpu/shape-class.js'
import type { DType } from '../gpu/tensor.js'
import type { VariantQuestion } from '../gpu/variants.js'
import type { Budget } from './budget.js'
import type { TunedChoice } from './cache.js'
import { alone, type Contestant, type ContestResult, contest, type Slice } from './contest.js'
import { Stopwatch } from './stopwatch.js'
import { fills, type Trial, trials } from './trials.js'

/** What was measured for a class. */
export interface TunedClass extends ContestResult {
  readonly shapeClass: ShapeClass
}

/** How far results of two kernels may be apart, as a part of the largest value: number formats round, sums have an order. */
const tolerances: Readonly<Partial<Record<DType, number>>> = { f32: 1e-4, f16: 2e-3 }
const coarsest = 0.03

/** The questions that can be measured, in the order in which they matter: a decode step's first, the large before the small. */
export function measurable(questions: readonly VariantQuestion[]): VariantQuestion[] {
  const size = ({ shapeClass: { k, n } }: VariantQuestion) => k * n
  const known = questions.filter(({ shapeClass }) => shapeClass.op in trials)
  return known.sort((a, b) => a.shapeClass.rows - b.shapeClass.rows || size(b) - size(a))
}

/**
 * Measures each class's candidates on the device, at the sizes of the class, in the order of the questions; what beats a guess
 * once more after the next class replaces it. All that wants the GPU is handed out in slices, which the caller runs when
 * nothing else does.
 *
 * @param tuned told as each class is done: with undefined where there was no time for it, or nothing to measure.
 */
export async function* tune(
  gpu: Gpu,
  questions: readonly VariantQuestion[],
  budget: Budget,
  tuned: (result: TunedClass | undefined, question: VariantQuestion) => void,
): AsyncGenerator<Slice, void> {
  const stopwatch = await gpu.scoped('tuner', () => new Stopwatch(gpu))
  let surprise: { readonly question: VariantQuestion; readonly result: ContestResult } | undefined
  async function* confirm(): AsyncGenerator<Slice, void> {
    if (!surprise) return
    const { question, result } = surprise
    surprise = undefined
    const { shapeClass, candidates } = question
    const again = yield* measure(gpu, { shapeClass, candidates: [candidates[0]!, result.choice] }, budget, stopwatch)
    gpu.check()
    const { skipped } = result
    const [ms, wrong] = [
      { ...result.ms, ...again?.ms },
      { ...result.wrong, ...again?.wrong },
    ]
    tuned(again && { shapeClass, choice: again.choice, ms, skipped, wrong }, question)
  }
  try {
    for (const question of questions) {
      const result = yield* measure(gpu, question, budget, stopwatch)
      gpu.check()
      // What held the guess of the class before up has mostly passed by now.
      yield* confirm()
      if (result && result.choice !== question.candidates[0]) surprise = { question, result }
      else tuned(result && { ...result, shapeClass: question.shapeClass }, question)
    }
    yield* confirm()
  } finally {
    stopwatch.dispose()
  }
}

async function* measure(
  gpu: Gpu,
  { shapeClass, candidates }: VariantQuestion,
  budget: Budget,
  stopwatch: Stopwatch,
): AsyncGenerator<Slice, ContestResult | undefined> {
  // Software compiles a kernel when it first runs, for a second or so.
  const expectedStartMs = gpu.adapter.software ? 1000 : 200
  const makeTrial = trials[shapeClass.op]
  if (!makeTrial || !budget.fits(expectedStartMs)) return undefined
  // Without memory for it the guess stays; that must not end the device.
  const made = () => gpu.scoped('tuner', () => makeTrial(gpu, shapeClass)).catch(() => undefined)
  const { value: trial } = yield* alone(budget, made)
  if (!trial) return undefined
  const contestants = candidates.map((name) => new KernelContestant(gpu, shapeClass.op, name, trial, stopwatch))
  const tolerance = tolerances[shapeClass.dtype] ?? coarsest
  try {
    for (const fill of fills(gpu, trial)) {
      if (!budget.fits(expectedStartMs)) return undefined
      yield* alone(budget, fill)
    }
    return yield* contest(contestants, { budget, expectedStartMs, tolerance })
  } finally {
    for (const contestant of contestants) contestant.dispose()
    gpu.free(...trial.tensors)
  }
}

/** One variant of an op in a trial. */
class KernelContestant implements Contestant {
  #recording: Recording | undefined

  constructor(
    readonly gpu: Gpu,
    readonly op: string,
    readonly name: string,
    readonly trial: Trial,
    readonly stopwatch: Stopwatch,
  ) {}

  async compile(): Promise<void> {
    const recorder = new Recorder(this.gpu)
    this.gpu.variants.name(this.op, this.name)
    try {
      this.trial.record(recorder)
    } finally {
      this.gpu.variants.name(this.op, undefined)
    }
    this.#recording = await recorder.finish('trial')
  }

  async start(): Promise<Float32Array> {
    this.gpu.submit([this.#recording!])
    return this.gpu.readF32(this.trial.out)
  }

  async time(): Promise<number> {
    return (await this.stopwatch.time(this.#recording!)) / this.trial.turns
  }

  dispose(): void {
    this.#recording?.dispose()
  }
}

/** A result as the cache keeps it. */
export function choiceOf({ choice, ms, skipped, wrong }: ContestResult): TunedChoice {
  const [guess] = Object.keys(ms) as [string]
  return { guess, choice, ms, left_out: Object.keys({ ...skipped, ...wrong }) }
}
