import { linear as affine, type Loaded, stack, type TensorTable } from '../../nn/layout.js'
import type { ListenersConfig } from './config.js'
import { encoderLayout, linear } from './layer-layouts.js'

/** Emotions of the two polarities, by their rows in MIME's table, in the order of the mixtures' logits (baselines §4). */
export const POLARITIES = {
  positive: [11, 16, 6, 8, 3, 1, 28, 13, 31, 17, 24, 0, 27],
  negative: [9, 4, 2, 14, 30, 29, 25, 15, 10, 23, 19, 18, 21, 7, 20, 5, 26, 12, 22],
} as const

/** What it makes of a context's emotion. */
export type Mimicry = Loaded<ReturnType<typeof mimicryLayout>>

/** What MIME has beside encoder and decoder. Tensors of its training alone are `unused`. */
export function mimicryLayout(table: TensorTable, config: ListenersConfig) {
  const { dModel: d, numEmotions } = config
  const role = 'mimicry'
  const sampler = (name: string, out = d) => table.linear(role, `vae_sampler.${name}`, out, d)
  const logvar = sampler('logvar_prior_positive')
  const weights = {
    /** M [32, d] */
    emotions: stack(table.tensor(role, 'emoji_embedding.weight', numEmotions, d)),
    /** [d, d] */
    query: linear(table.tensor(role, 's_weight.weight', d, d)),
    hidden: affine(sampler('h_prior')),
    /** μ of the positive, of the negative, and log σ² of both: [3d, d]. As released, the negative one has no other. */
    prior: affine(sampler('mu_prior_positive'), sampler('mu_prior_negative'), logvar),
    /** Logits of both mixtures: [32, d], the positive emotions first. */
    mixtures: affine(
      sampler('Dense_z_prior_positive', POLARITIES.positive.length),
      sampler('Dense_z_prior_negative', POLARITIES.negative.length),
    ),
    /** Reads the context beside the emotions that are mimicked, and the other beside those that are not: [d, 2d]. */
    mimic: encoderLayout(table, 'emotion_input_encoder_1.enc', 2 * d, config),
    other: encoderLayout(table, 'emotion_input_encoder_2.enc', 2 * d, config),
    gate: affine(table.linear(role, 'cdecoder.fc1', 2 * d, 2 * d)),
    memory: affine(table.linear(role, 'cdecoder.fc2', d, 2 * d)),
  }
  unusedTensors(table, d)
  return weights
}

/** The posterior, which the decoder never sees, and what the released program saves and never reads. */
function unusedTensors(table: TensorTable, d: number): void {
  const unused = (name: string, out: number, size = d) => table.linear('unused', name, out, size)
  unused('e_weight', d)
  unused('vae_sampler.logvar_prior_negative', d)
  for (const name of ['postive', 'negative']) unused(`vae_sampler.h_posterior_${name}`, d, 2 * d)
  for (const [name, { length }] of Object.entries(POLARITIES)) {
    unused(`vae_sampler.mu_posterior_${name}`, d)
    unused(`vae_sampler.logvar_posterior_${name}`, d)
    unused(`vae_sampler.Dense_z_posterior_${name}`, length)
  }
}
