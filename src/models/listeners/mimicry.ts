import type { Tensor } from '../../gpu/tensor.js'
import type { Pass } from '../../nn/pass.js'
import type { RaggedBatch } from '../../nn/ragged-batch.js'
import { project, type Rows } from '../../nn/rows.js'
import { concatRows } from '../../ops/concat-rows.js'
import { polarityMixture } from '../../ops/polarity-mixture.js'
import { priorSample } from '../../ops/prior-sample.js'
import { sigmoidGate } from '../../ops/sigmoid-gate.js'
import { type BatchBounds, encode } from './encoder.js'
import type { ListenersWeights } from './layout.js'
import { type Mimicry, POLARITIES } from './mimicry-layout.js'
import { type Noise, noiseValues } from './noise.js'

/** (q W_sᵀ) Mᵀ: logits of the emotions, of q = C₀ (baselines §4, 1). [contexts, 32] */
export function emotionLogits(pass: Pass, first: Rows, { query, emotions }: Mimicry): Rows {
  return project(pass, 'emotions', project(pass, 'mimicry.query', first, query), { weight: emotions })
}

/**
 * The mixture of the emotions that are mimicked, and that of the others, for each context (baselines §4, 2–3).
 *
 * @returns [2 · contexts, d], one of each in turn
 */
function mixtures(pass: Pass, first: Rows, emotions: Rows, mimicry: Mimicry, noises: readonly Noise[]): Tensor {
  const { recorder, scratch } = pass
  const { count } = first
  const d = first.x.shape[1]!
  const hidden = project(pass, 'mimicry.hidden', first, mimicry.hidden, { activation: 'relu' })
  const { x: prior } = project(pass, 'mimicry.prior', hidden, mimicry.prior)
  const noise = new Float32Array(count * 2 * d)
  noises.forEach((it, i) => {
    noise.set(noiseValues(it, d), i * 2 * d)
  })
  const z = scratch.rows('mimicry.z', 2 * count, d)
  priorSample(recorder, { prior, noise: scratch.upload('mimicry.noise', [count, 2 * d], noise), out: z }, count)
  // Every z by the layers of both polarities: the mixture looks at those of its own.
  const logits = project(pass, 'mimicry.logits', { x: z, count: 2 * count }, mimicry.mixtures)
  const order = Uint32Array.from([...POLARITIES.positive, ...POLARITIES.negative])
  const out = scratch.rows('mimicry.mixtures', 2 * count, d)
  const tensors = {
    emotions: emotions.x,
    mixtures: logits.x,
    order: scratch.upload('mimicry.order', [order.length], order),
    table: mimicry.emotions,
    out,
  }
  polarityMixture(recorder, tensors, count, POLARITIES.positive.length)
  return out
}

/**
 * What the decoder attends to (baselines §4, 4–5): m = Enc₁([C ; mimicked]), m̃ = Enc₂([C ; others]), c = [m ; m̃],
 * v = fc2( sigmoid(fc1 c) ⊙ c ).
 *
 * @returns v [rows, d]
 */
export function mimic(
  pass: Pass<ListenersWeights>,
  mimicry: Mimicry,
  { states, batch, bounds }: { readonly states: Tensor; readonly batch: RaggedBatch; readonly bounds: BatchBounds },
  first: Rows,
  emotions: Rows,
  noises: readonly Noise[],
): Tensor {
  const { recorder, scratch } = pass
  const { rows: count, lengths } = batch
  const d = states.shape[1]!
  const both = mixtures(pass, first, emotions, mimicry, noises)
  const [m, other] = (['mimic', 'other'] as const).map((name, side) => {
    const rows = lengths.flatMap((length, i) => new Array<number>(length).fill(2 * i + side))
    const from = scratch.upload(`mimicry.${name}.from`, [count], Uint32Array.from(rows))
    const z = scratch.rows('mimicry.input', count, 2 * d)
    concatRows(recorder, { left: states, right: both, from, out: z }, count)
    return encode(pass, `mimicry.${name}`, { x: z, count }, mimicry[name], bounds)
  })
  const c = scratch.rows('mimicry.both', count, 2 * d)
  concatRows(recorder, { left: m!, right: other!, out: c }, count)
  const { x: gate } = project(pass, 'mimicry.gate', { x: c, count }, mimicry.gate)
  const gated = scratch.rows('mimicry.gated', count, 2 * d)
  sigmoidGate(recorder, { x: c, gate, out: gated }, count)
  return project(pass, 'mimicry.memory', { x: gated, count }, mimicry.memory).x
}
