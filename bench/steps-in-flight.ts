/**
 * Does it pay to submit decode steps before the draws of the last are read? One table for one model and adapter:
 *
 *     node --import tsx bench/steps-in-flight.ts [MODEL] [--adapter NAME] [--ids N] [--runs N]
 *
 * A reply of so many ids is drawn with 1, 2, 3, … steps in flight, in turns, so that what else the machine does falls on
 * all of them. `ms per id` is the median over the runs of the mean gap between ids; `to EOS` is what a reply of 24 ids
 * takes per id when its end, which only its EOS tells, leaves the steps in flight to be done for nothing.
 */
import { parseArgs } from 'node:util'
import { median } from 'simple-statistics'
import { loadModel } from '../src/engine/load-model.js'
import { ReplyDecoder } from '../src/engine/reply-decoder.js'
import { ReplyScheduler } from '../src/engine/scheduler.js'
import { resolveOptions } from '../src/generation/options.js'
import { tokenRules } from '../src/generation/token-rules.js'
import type { DialogueIds } from '../src/models/misc/misc.js'
import { MiscModel, type StrategyScores } from '../src/models/misc/model.js'
import { openGpu } from '../src/platform/node/open-gpu.js'
import { packagedModel } from '../src/platform/node/packaged-model.js'

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    adapter: { type: 'string' },
    ids: { type: 'string', default: '64' },
    runs: { type: 'string', default: '9' },
    batch: { type: 'string', default: '1' },
  },
})
const gpu = await openGpu({ adapter: flags.adapter })
const weights = await loadModel(gpu, positionals[0] ?? packagedModel())
const decoder = new ReplyDecoder(gpu, new MiscModel(gpu, weights), tokenRules(weights.config))
const ids = Math.min(Number(flags.ids), weights.config.maxPositions)
const options = resolveOptions({ maxLength: ids + 1, minLength: ids + 1, seed: 1 })
const context = Array.from({ length: Math.min(192, weights.config.maxPositions) }, (_, i) => 3 + ((i * 37) % 5000))
const dialogue = { context, post: [], situation: [] }

/** Milliseconds from id to id. */
async function meanGap(scheduler: ReplyScheduler<DialogueIds, StrategyScores>): Promise<number> {
  const times: number[] = []
  await Promise.all(
    Array.from({ length: Number(flags.batch) }, (_, i) => {
      return new Promise<void>((resolve, reject) => {
        scheduler.add({
          ...{ input: dialogue, options, history: [weights.config.decoderStartId], failed: reject },
          encoded: () => {},
          drawn: () => i === 0 && times.push(performance.now()),
          finished: () => resolve(),
        })
      })
    }),
  )
  await gpu.idle()
  return (times.at(-1)! - times[0]!) / (times.length - 1)
}

const depths = [1, 2, 3, 4].map((stepsInFlight) => {
  return {
    stepsInFlight,
    scheduler: new ReplyScheduler(decoder, { stepsInFlight, maxQueue: 256 }),
    gaps: [] as number[],
  }
})
for (let run = 0; run <= Number(flags.runs); run++) {
  for (const { scheduler, gaps } of depths) {
    const gap = await meanGap(scheduler)
    if (run > 0) gaps.push(gap)
  }
}
console.log(`${gpu.adapter.name}, ${ids} ids, batch ${flags.batch}`)
console.log('in flight   ms per id     against 1   to EOS')
for (const { stepsInFlight, gaps } of depths) {
  const ratio = median(gaps.map((gap, i) => gap / depths[0]!.gaps[i]!))
  const toEos = (ratio * (24 + stepsInFlight - 1)) / 24
  const figures = [median(gaps), ratio, toEos].map((it) => it.toFixed(3).padStart(12))
  console.log(`${stepsInFlight}`.padStart(9) + figures.join(''))
}
await gpu.dispose()
