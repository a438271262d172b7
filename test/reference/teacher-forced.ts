import type { ResolvedOptions } from '../../src/generation/options.js'
import { processScores } from '../../src/generation/processors.js'
import type { TokenRules } from '../../src/generation/token-rules.js'
import type { Gpu } from '../../src/gpu/gpu.js'
import type { Model } from '../../src/models/model.js'
import { wholeSequences } from '../../src/nn/kv-cache.js'
import { Run } from '../../src/nn/run.js'
import { logSoftmax } from './log-softmax.js'

/**
 * What comes after whole sequences, computed from their first id on and without what is kept from step to step, by the twins of
 * the ops: for {@link beamSearch} of ./beam-search.ts.
 *
 * @param history what the processors see before the start id
 */
export function teacherForced<Input>(
  gpu: Gpu,
  model: Model<Input>,
  input: Input,
  options: ResolvedOptions,
  rules: TokenRules,
  history: readonly number[] = [],
) {
  return async (sequences: readonly (readonly number[])[]): Promise<Float32Array[]> => {
    const run = new Run(gpu, model.weights)
    const cache = model.createCache({ slots: sequences.length })
    const slots = [...sequences.keys()]
    const length = sequences[0]!.length
    const { vocabSize } = model.config
    const logits = await run.submit((pass) => {
      model.start(
        pass,
        sequences.map(() => input),
        cache,
        slots,
      )
      return model.step(pass, cache, wholeSequences(pass.scratch, sequences))
    })
    const values = await gpu.readF32(logits)
    run.dispose()
    cache.dispose()
    return sequences.map((ids, i) => {
      const row = (i + 1) * length - 1
      const scores = logSoftmax(values.subarray(row * vocabSize, (row + 1) * vocabSize))
      processScores(scores, { history: [...history, ...ids], drawn: length - 1 }, options, rules)
      return scores
    })
  }
}
