/**
 * What takes time in a load: reading weights, counted in bytes, compiling the kernels of a usual reply, counted one by one, and
 * reading the weights of the COMET, counted in bytes.
 */
export type LoadStage = 'weights' | 'kernels' | 'comet'

/** Called while a model loads, with how much of a stage is done and how much there is. */
export type OnProgress = (done: number, total: number, stage: LoadStage) => void

/** A display of progress, of which so much more is done. */
export type ProgressBar = Disposable & { advance(amount: number): void }

/**
 * Loads with a progress bar for each stage, which appears when the stage begins and goes when it ends, whatever came of it.
 *
 * @param makeBar given the stage, and how much there is of it.
 */
export async function withLoadingBar<T>(
  makeBar: (stage: LoadStage, total: number) => ProgressBar,
  load: (onProgress: OnProgress) => Promise<T>,
): Promise<T> {
  let bar: ProgressBar | undefined
  let current: LoadStage | undefined
  let before = 0
  try {
    return await load((done, total, stage) => {
      if (stage !== current) {
        bar?.[Symbol.dispose]()
        bar = makeBar(stage, total)
        current = stage
        before = 0
      }
      bar!.advance(done - before)
      before = done
    })
  } finally {
    bar?.[Symbol.dispose]()
  }
}
