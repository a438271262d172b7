import type { Gpu } from '../gpu/gpu.js'
import { Profiler } from '../gpu/profiler.js'
import { Recorder } from '../gpu/recorder.js'
import type { Recording } from '../gpu/recording.js'
import type { ShapeClass } from '../gpu/shape-class.js'
import type { DType } from '../gpu/tensor.js'
import type { VariantQuestion } from '../gpu/variants.js'
import type { Budget } from './budget.js'
import { type Candidate, compareKernels, inSlice, type KernelComparison, type Slice } from './compare-kernels.js'
import { fillInputs, type Microbenchmark, microbenchmarks } from './microbenchmarks.js'
import type { TunedChoice } from './tuning.js'

/** What was measured for a class. */
export interface TunedClass extends KernelComparison {
  readonly shapeClass: ShapeClass
}

/** How far results of two kernels may be apart, as a part of the largest value: number formats round, sums have an order. */
const tolerances: Readonly<Partial<Record<DType, number>>> = { f32: 1e-4, f16: 2e-3 }
const coarsest = 0.03

/** The questions that can be measured, in the order in which they matter: a decode step's first, the large before the small. */
export function measurable(questions: readonly VariantQuestion[]): VariantQuestion[] {
  const size = ({ shapeClass: { k, n } }: VariantQuestion) => k * n
  const known = questions.filter(({ shapeClass }) => shapeClass.op in microbenchmarks)
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
  let unconfirmed: { readonly question: VariantQuestion; readonly result: KernelComparison } | undefined
  async function* confirm(): AsyncGenerator<Slice, void> {
    if (!unconfirmed) return
    const { question, result } = unconfirmed
    unconfirmed = undefined
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
      if (result && result.choice !== question.candidates[0]) unconfirmed = { question, result }
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
): AsyncGenerator<Slice, KernelComparison | undefined> {
  // Software compiles a kernel when it first runs, for a second or so.
  const expectedStartMs = gpu.adapter.software ? 1000 : 200
  const makeBenchmark = microbenchmarks[shapeClass.op]
  if (!makeBenchmark || !budget.fits(expectedStartMs)) return undefined
  // Without memory for it the guess stays; that must not end the device.
  const made = () => gpu.scoped('tuner', () => makeBenchmark(gpu, shapeClass)).catch(() => undefined)
  const { value: benchmark } = yield* inSlice(budget, made)
  if (!benchmark) return undefined
  const kernels = candidates.map((name) => new KernelCandidate(gpu, shapeClass.op, name, benchmark, stopwatch))
  const tolerance = tolerances[shapeClass.dtype] ?? coarsest
  try {
    for (const fill of fillInputs(gpu, benchmark)) {
      if (!budget.fits(expectedStartMs)) return undefined
      yield* inSlice(budget, fill)
    }
    return yield* compareKernels(kernels, { budget, expectedStartMs, tolerance })
  } finally {
    for (const kernel of kernels) kernel.dispose()
    gpu.free(...benchmark.tensors)
  }
}

/** One variant of an op at a microbenchmark. */
class KernelCandidate implements Candidate {
  #recording: Recording | undefined

  constructor(
    readonly gpu: Gpu,
    readonly op: string,
    readonly name: string,
    readonly benchmark: Microbenchmark,
    readonly stopwatch: Stopwatch,
  ) {}

  async compile(): Promise<void> {
    const recorder = new Recorder(this.gpu)
    this.gpu.variants.name(this.op, this.name)
    try {
      this.benchmark.record(recorder)
    } finally {
      this.gpu.variants.name(this.op, undefined)
    }
    this.#recording = await recorder.finish('tuner')
  }

  async start(): Promise<Float32Array> {
    this.gpu.submit([this.#recording!])
    return this.gpu.readF32(this.benchmark.out)
  }

  async time(): Promise<number> {
    return (await this.stopwatch.time(this.#recording!)) / this.benchmark.repetitions
  }

  dispose(): void {
    this.#recording?.dispose()
  }
}

/** Times recordings: by timestamps where the device has them, else from submit to completion. */
class Stopwatch {
  readonly #profiler: Profiler | undefined
  #timestamps: boolean

  constructor(readonly gpu: Gpu) {
    this.#timestamps = Profiler.supports(gpu)
    this.#profiler = this.#timestamps ? new Profiler(gpu) : undefined
  }

  /** Runs a recording and waits for it; milliseconds. */
  async time(recording: Recording): Promise<number> {
    if (this.#profiler && this.#timestamps) {
      const kernels = await this.#profiler.submit([recording])
      const ms = kernels.reduce((sum, it) => sum + it.ms, 0)
      // Drivers are known whose timestamps stand still.
      if (ms > 0) return ms
      this.#timestamps = false
    }
    const started = performance.now()
    this.gpu.submit([recording])
    await this.gpu.idle()
    return performance.now() - started
  }

  dispose(): void {
    this.#profiler?.dispose()
  }
}

/** A result as the cache keeps it. */
export function choiceOf({ choice, ms, skipped, wrong }: KernelComparison): TunedChoice {
  const [guess] = Object.keys(ms) as [string]
  return { guess, choice, ms, left_out: Object.keys({ ...skipped, ...wrong }) }
}
