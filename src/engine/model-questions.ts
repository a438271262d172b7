import type { Gpu } from '../gpu/gpu.js'
import { Recorder } from '../gpu/recorder.js'
import { Scratch } from '../gpu/scratch.js'
import type { VariantQuestion } from '../gpu/variants.js'
import type { Model } from '../models/model.js'
import { measurable } from '../tune/tuner.js'

/** Replies drawn together: alone, a few, a full batch. */
const batches = [1, 4, 16]

/** The choices of kernels that a model comes to: a usual input and steps of replies are recorded, and never submitted. */
export function modelQuestions(gpu: Gpu, model: Model): VariantQuestion[] {
  const scratch = new Scratch(gpu)
  const pass = { recorder: new Recorder(gpu), scratch, weights: model.weights }
  const usual = model.usualInput()
  const cache = model.createCache({ slots: 1 })
  model.start(pass, [usual], cache, [0])
  cache.dispose()
  for (const sequences of batches) {
    // The caches' lengths choose no kernel.
    const cache = model.createCache({ slots: sequences, positions: 1, sources: model.sourceRows(usual).map(() => 1) })
    const zeros = scratch.upload('questions', [sequences], new Uint32Array(sequences))
    const newest = { ids: zeros, positions: zeros, lengths: zeros, slots: zeros, table: zeros }
    model.step(pass, cache, { sequences, newRows: 1, ...newest })
    cache.dispose()
  }
  model.forget()
  scratch.dispose()
  return measurable(gpu.variants.asked)
}
