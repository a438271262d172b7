import type { Gpu } from '../gpu/gpu.js'
import { Recorder } from '../gpu/recorder.js'
import { Scratch } from '../gpu/scratch.js'
import type { VariantQuestion } from '../gpu/variants.js'
import type { MiscWeights } from '../models/misc/layout.js'
import { MiscModel } from '../models/misc/model.js'
import { measurable } from '../tune/tuner.js'
import { usualDialogue } from './usual-dialogue.js'

/** Replies drawn together: alone, a few, a full batch. */
const batches = [1, 4, 16]

/** The choices of kernels that a model comes to: a dialogue and steps of replies are recorded, and never submitted. */
export function modelQuestions(gpu: Gpu, weights: MiscWeights): VariantQuestion[] {
  const model = new MiscModel(gpu, weights)
  const scratch = new Scratch(gpu)
  const pass = { recorder: new Recorder(gpu), scratch, weights }
  const cache = model.createCache({ slots: 1 })
  model.start(pass, [usualDialogue(weights.config)], cache, [0])
  cache.dispose()
  for (const sequences of batches) {
    // The caches' lengths choose no kernel.
    const cache = model.createCache({ slots: sequences, positions: 1, sources: [1, 1, 1] })
    const zeros = scratch.upload('questions', [sequences], new Uint32Array(sequences))
    const newest = { ids: zeros, positions: zeros, lengths: zeros, slots: zeros, table: zeros }
    model.step(pass, cache, { sequences, newRows: 1, ...newest })
    cache.dispose()
  }
  model.dispose()
  scratch.dispose()
  return measurable(gpu.variants.asked)
}
