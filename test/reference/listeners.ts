import { layerNorm } from '../../src/validate/twins/layer-norm.js'
import { matmul } from '../../src/validate/twins/matmul.js'
import { softmax } from '../../src/validate/twins/softmax.js'
import { chooseLayers } from './choose-layers.js'
import type { Values } from './gpt.js'
import { polarityMixture } from './polarity-mixture.js'
import { windows } from './windows.js'

/** What the twin is told of a model. */
export interface ListenersShape {
  readonly modelType: 'transformer' | 'moel' | 'mime'
  readonly hop: number
  readonly heads: number
  readonly topk: number
  readonly numEmotions: number
}

type Rows = ArrayLike<number>

/** Rows of MIME's table by polarity, in the order of the released sampler. */
const POSITIVE = [11, 16, 6, 8, 3, 1, 28, 13, 31, 17, 24, 0, 27]
const NEGATIVE = [9, 4, 2, 14, 30, 29, 25, 15, 10, 23, 19, 18, 21, 7, 20, 5, 26, 12, 22]

/**
 * Transformer, MoEL and MIME (baselines §1–4) in float64, for one context: what is told of its emotion (MoEL: the listeners'
 * weights), and logits [ids, V] of a reply whose ids are given, SOS first.
 */
export function listeners(
  tensors: ReadonlyMap<string, Values>,
  { modelType, hop, heads, topk, numEmotions }: ListenersShape,
  context: { readonly ids: readonly number[]; readonly roles: readonly number[] },
  reply: readonly number[],
  noise?: { readonly positive: Rows; readonly negative: Rows },
): { states: Rows; emotions: number[]; logits: Float64Array } {
  const of = (name: string) => tensors.get(name)!
  const embedding = of('embedding.lut.weight')
  const [V = 0, d = 0] = embedding.shape
  const add = (a: Rows, b: Rows) => Float64Array.from(a, (value, i) => value + b[i]!)

  const linear = (x: Rows, name: string, activation?: 'relu') => {
    const { shape, values } = of(`${name}.weight`)
    const size = shape.slice(1).reduce((a, b) => a * b)
    const bias = tensors.get(`${name}.bias`)?.values
    return matmul({ x, weight: values, ...(bias && { bias }) }, [x.length / size, size, shape[0]!], activation)
  }
  const norm = (x: Rows, name: string) =>
    layerNorm(
      x,
      undefined,
      of(`${name}.gamma`).values,
      of(`${name}.beta`).values,
      x.length / d,
      1e-6,
      'sample deviation',
    )
  const embed = (ids: readonly number[]) =>
    Float64Array.from(
      ids.flatMap((id) => Array.from({ length: d }, (_, c) => embedding.values[id * d + c]! * Math.sqrt(d))),
    )
  const timed = (x: Rows) => {
    const n = Math.floor(d / 2)
    const signal = (p: number, c: number) => {
      const angle = p * Math.exp((-(c % n) * Math.log(1e4)) / (n - 1))
      return c >= 2 * n ? 0 : Math.fround(c < n ? Math.sin(angle) : Math.cos(angle))
    }
    return Float64Array.from(x, (value, i) => value + signal(Math.floor(i / d), i % d))
  }
  const attend = (x: Rows, memory: Rows, name: string, causal: boolean) => {
    const [q, k, v] = [
      linear(x, `${name}.query_linear`),
      linear(memory, `${name}.key_linear`),
      linear(memory, `${name}.value_linear`),
    ]
    const depth = of(`${name}.query_linear.weight`).shape[0]!
    const width = depth / heads
    const out = new Float64Array(q.length)
    for (let i = 0; i < q.length / depth; i++) {
      for (let head = 0; head < depth; head += width) {
        const keys = causal ? i + 1 : k.length / depth
        const scores = Array.from({ length: keys }, (_, j) => {
          let dot = 0
          for (let c = head; c < head + width; c++) dot += q[i * depth + c]! * k[j * depth + c]!
          return dot / Math.sqrt(width)
        })
        softmax(scores).forEach((weight, j) => {
          for (let c = head; c < head + width; c++) out[i * depth + c]! += weight * v[j * depth + c]!
        })
      }
    }
    return linear(out, `${name}.output_linear`)
  }
  const feedForward = (x: Rows, name: string, offset: 0 | -1) => {
    let y: Rows = norm(x, `${name}.layer_norm_ffn`)
    for (const i of [0, 1]) {
      const conv = `${name}.positionwise_feed_forward.layers.${i}.conv`
      y = linear(windows(y, of(`${conv}.weight`).shape[1]!, offset), conv, 'relu')
    }
    return add(x, y)
  }
  const encode = (z: Rows, name: string) => {
    let x: Rows = timed(linear(z, `${name}.embedding_proj`))
    for (let i = 0; i < hop; i++) {
      const y = norm(x, `${name}.enc.${i}.layer_norm_mha`)
      x = feedForward(add(x, attend(y, y, `${name}.enc.${i}.multi_head_attention`, false)), `${name}.enc.${i}`, 0)
    }
    return norm(x, `${name}.layer_norm`)
  }
  const decoderLayer = (x: Rows, memory: Rows, name: string) => {
    const y = norm(x, `${name}.layer_norm_mha_dec`)
    const middle = add(x, attend(y, y, `${name}.multi_head_attention_dec`, true))
    const z = norm(middle, `${name}.layer_norm_mha_enc`)
    return feedForward(add(middle, attend(z, memory, `${name}.multi_head_attention_enc_dec`, false)), name, -1)
  }
  const beside = (a: Rows, b: Rows) =>
    Float64Array.from({ length: 2 * a.length }, (_, i) => {
      const [row, c] = [Math.floor(i / (2 * d)), i % (2 * d)]
      return c < d ? a[row * d + c]! : b[(row * d + c - d) % b.length]!
    })

  const states = encode(add(embed(context.ids), embed(context.roles)), 'encoder')
  const first = states.subarray(0, d)
  let emotions = modelType === 'mime' ? [] : [...linear(first, 'decoder_key')]
  let memory: Rows = states
  if (modelType === 'mime') {
    const table = of('emoji_embedding.weight').values
    emotions = [...matmul({ x: linear(first, 's_weight'), weight: table }, [1, d, numEmotions])]
    const hidden = linear(first, 'vae_sampler.h_prior', 'relu')
    const deviation = linear(hidden, 'vae_sampler.logvar_prior_positive').map((it) => Math.exp(it / 2))
    const logits = (side: 'positive' | 'negative') => {
      const z = linear(hidden, `vae_sampler.mu_prior_${side}`).map(
        (mu, c) => mu + deviation[c]! * (noise?.[side][c] ?? 0),
      )
      return [...linear(z, `vae_sampler.Dense_z_prior_${side}`)]
    }
    const mixed = { positive: logits('positive'), negative: logits('negative') }
    const both = polarityMixture(emotions, mixed, { positive: POSITIVE, negative: NEGATIVE }, table, d)
    const side = (i: number) =>
      encode(beside(states, both.subarray(i * d, (i + 1) * d)), `emotion_input_encoder_${i + 1}.enc`)
    const c = beside(side(0), side(1))
    const gate = linear(c, 'cdecoder.fc1')
    memory = linear(
      c.map((value, i) => value / (1 + Math.exp(-gate[i]!))),
      'cdecoder.fc2',
    )
  }
  let x: Rows = timed(linear(embed(reply), 'decoder.embedding_proj'))
  if (modelType === 'moel') {
    const most = Math.min(topk || numEmotions, numEmotions)
    const { choices, weights } = chooseLayers(emotions, { most, least: topk > 0 ? 1e-4 : 0, basic: true })
    const said = choices.map(({ layer, share }) => {
      const name = layer < numEmotions ? `decoder.experts.${layer}` : 'decoder.basic'
      return decoderLayer(x, states, name).map((it) => it * share)
    })
    x = said.reduce(add)
    emotions = weights
  }
  for (let i = 0; i < hop; i++) x = decoderLayer(x, memory, `decoder.dec.${i}`)
  const last = norm(x, 'decoder.layer_norm')
  const generator = tensors.has('generator.proj.weight') ? of('generator.proj.weight') : embedding
  const bias = of('generator.proj.bias').values
  const logits = matmul({ x: last, weight: generator.values, bias }, [reply.length, d, V])
  return { states, emotions, logits }
}
