import { DeviceLostError } from '../errors.js'
import type { Gpu } from '../gpu/gpu.js'
import type { VariantQuestion } from '../gpu/variants.js'
import { Budget } from '../tune/budget.js'
import { choiceOf, measurable, tune } from '../tune/tuner.js'
import type { TunedChoice, Tuning, Warn } from '../tune/tuning.js'
import type { ReplyEngine } from './reply-engine.js'

/** Time on the GPU that a load may cost, at most. */
const budgetMs = 3000
/** After a load, and after a reply: whoever wants something next goes first. */
const pauseMs = 500
/** A kernel that no reply needs must not end engines again and again: after so many tries only `misc tune` measures. */
const mostUnfinished = 2

type Turns = Pick<ReplyEngine, 'idle' | 'exclusive'>

/**
 * Measures the kernels that this engine has used and that no earlier load has measured, in moments when no reply is drawn, and writes the
 * choices to the cache, by `save`, for the next load. This engine keeps the kernels that it has: its replies do not change while it
 * lives. Stops without a word where the engine ends meanwhile, or the cache cannot be written.
 *
 * @param earlier what the cache held when the model was loaded.
 * @param warn told of kernels that fail, or compute something else than the guess.
 */
export async function tuneInBackground(
  gpu: Gpu,
  turns: Turns,
  earlier: Tuning,
  save: (tuning: Tuning) => Promise<unknown>,
  warn: Warn,
  budget = new Budget(budgetMs),
): Promise<void> {
  const { unfinished } = earlier
  if (unfinished >= mostUnfinished) return
  const choices = new Map<string, TunedChoice>()
  try {
    await pause()
    await untilIdle(turns)
    const open = measurable(gpu.variants.asked).filter((it) => !isMeasured(it, earlier))
    if (open.length === 0) return
    await save({ choices, unfinished: unfinished + 1 })
    const slices = tune(gpu, open, budget, (result, { shapeClass }) => {
      if (!result) return
      choices.set(shapeClass.key, choiceOf(result))
      for (const [kernel, why] of Object.entries(result.wrong)) warn(`${shapeClass.key}: ${kernel} is not used: ${why}`)
    })
    for await (const slice of slices) {
      await untilIdle(turns)
      await turns.exclusive(slice)
    }
    await save({ choices, unfinished: 0 })
  } catch (error) {
    // An engine that was disposed had no fault; where there is nowhere to write, or no room to spare, the guesses do.
    if (error instanceof DeviceLostError) return
    await save({ choices, unfinished }).catch(() => {})
  }
}

function isMeasured({ shapeClass, candidates }: VariantQuestion, { choices }: Tuning): boolean {
  const choice = choices.get(shapeClass.key)
  return choice !== undefined && candidates.every((it) => it in choice.ms || choice.left_out.includes(it))
}

async function untilIdle(turns: Turns): Promise<void> {
  while (!turns.idle) await pause()
}

/** Its timer keeps no process alive; a browser's timers never do, and are numbers. */
function pause(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, pauseMs).unref?.()
  })
}
