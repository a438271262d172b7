import type { Gpu } from '../gpu/gpu.js'
import { Recorder } from '../gpu/recorder.js'
import type { VariantQuestion } from '../gpu/variants.js'
import { DecoderState, decode } from '../models/misc/decoder.js'
import type { MiscWeights } from '../models/misc/layout.js'
import { MiscRun } from '../models/misc/run.js'
import { measurable } from '../tune/tuner.js'
import { usualDialogue } from './usual-dialogue.js'

/** Replies drawn together: alone, a few, a full batch. */
const batches = [1, 4, 16]

/** The choices of kernels that a model comes to: a dialogue and steps of replies are recorded, and never submitted. */
export function modelQuestions(gpu: Gpu, weights: MiscWeights): VariantQuestion[] {
  const { config } = weights
  const run = new MiscRun(gpu, weights)
  const { scratch } = run
  const pass = { recorder: new Recorder(gpu), scratch, weights }
  const state = new DecoderState(gpu, weights, 1)
  run.encode(pass, [usualDialogue(config)], state)
  state.dispose()
  for (const slots of batches) {
    // The caches' lengths choose no kernel.
    const short = { ...config, maxPositions: 1, maxPostBlocks: 1, maxSituationBlocks: 1 }
    const state = new DecoderState(gpu, { ...weights, config: short }, slots)
    const perSlot = scratch.upload('questions', [slots], new Uint32Array(slots))
    decode(pass, state, { slots, newRows: 1, ids: perSlot, positions: perSlot, lengths: perSlot })
    state.dispose()
  }
  run.dispose()
  return measurable(gpu.variants.asked)
}
