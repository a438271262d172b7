/** Called while weights are read, with bytes so far and in all. */
export type OnProgress = (done: number, total: number) => void

/** A display of progress, of which so much more is done. */
export type ProgressBar = Disposable & { advance(amount: number): void }

/**
 * Loads with a progress bar, which appears with the first bytes and goes when loading ends, whatever came of it.
 *
 * @param makeBar given the bytes in all.
 */
export async function withLoadingBar<T>(
  makeBar: (total: number) => ProgressBar,
  load: (onProgress: OnProgress) => Promise<T>,
): Promise<T> {
  let bar: ProgressBar | undefined
  let before = 0
  try {
    return await load((done, total) => {
      bar ??= makeBar(total)
      bar.advance(done - before)
      before = done
    })
  } finally {
    bar?.[Symbol.dispose]()
  }
}
