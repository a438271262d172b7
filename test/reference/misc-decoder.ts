import { SOURCES } from '../../src/models/misc/sources.js'
import { layerNorm } from '../../src/validate/twins/layer-norm.js'
import { matmul } from '../../src/validate/twins/matmul.js'
import { softmax } from '../../src/validate/twins/softmax.js'
import type { Values } from './gpt.js'

const modules = { context: '', post: '_comet', situation: '_comet_st', strategy: '_strategy' } as const

/** What a decoder layer made of each source. */
export interface CrossedLayer {
  /** By source, by row: weights averaged over heads. */
  readonly attention: Readonly<Record<(typeof SOURCES)[number], readonly number[][]>>
  /** By source: [rows, d]. */
  readonly summands: Readonly<Record<(typeof SOURCES)[number], Float64Array>>
}

/**
 * MISC's decoder (eq. 7) in float64 over a whole sequence, with what each source gave.
 *
 * @param tensors by the names of the checkpoint
 * @param sources the states of each source, [rows, d]; strategy: g [1, d]
 */
export function miscDecoder(
  tensors: ReadonlyMap<string, Values>,
  { layers, heads }: { readonly layers: number; readonly heads: number },
  ids: readonly number[],
  sources: Readonly<Record<(typeof SOURCES)[number], ArrayLike<number>>>,
): { readonly logits: Float64Array; readonly layers: readonly CrossedLayer[] } {
  const of = (name: string) => tensors.get(`model.${name}`)!
  const embedding = of('shared.weight')
  const [vocabulary = 0, d = 0] = embedding.shape
  const rows = ids.length
  const linear = (x: ArrayLike<number>, name: string, activation?: 'gelu') => {
    const { shape, values } = of(`decoder.${name}.weight`)
    const [out = 0, size = 0] = shape
    const bias = of(`decoder.${name}.bias`).values
    return matmul({ x, weight: values, bias }, [x.length / size, size, out], activation)
  }
  const norm = (x: ArrayLike<number>, residual: ArrayLike<number> | undefined, name: string) =>
    layerNorm(x, residual, of(`decoder.${name}.weight`).values, of(`decoder.${name}.bias`).values, rows, 1e-5)
  const attend = (x: ArrayLike<number>, source: ArrayLike<number>, name: string, seen: (row: number) => number) => {
    const [q, k, v] = [linear(x, `${name}.q_proj`), linear(source, `${name}.k_proj`), linear(source, `${name}.v_proj`)]
    const attended = new Float64Array(rows * d)
    const e = d / heads
    const mean = Array.from({ length: rows }, (_, i) => new Array<number>(seen(i)).fill(0))
    for (let i = 0; i < rows; i++) {
      for (let head = 0; head < d; head += e) {
        const scores = Array.from({ length: seen(i) }, (_, j) => {
          let score = 0
          for (let c = head; c < head + e; c++) score += q[i * d + c]! * k[j * d + c]!
          return score / Math.sqrt(e)
        })
        for (const [j, weight] of softmax(scores).entries()) {
          mean[i]![j]! += weight / heads
          for (let c = head; c < head + e; c++) attended[i * d + c]! += weight * v[j * d + c]!
        }
      }
    }
    return { mean, out: linear(attended, `${name}.out_proj`) }
  }

  const embedded = Float64Array.from({ length: rows * d }, (_, i) => {
    const id = ids[Math.floor(i / d)]!
    return embedding.values[id * d + (i % d)]! * Math.sqrt(d) + of('decoder.embed_positions.weight').values[i]!
  })
  let x = norm(embedded, undefined, 'layernorm_embedding')
  const crossed = Array.from({ length: layers }, (_, i): CrossedLayer => {
    const layer = `layers.${i}`
    x = norm(x, attend(x, x, `${layer}.self_attn`, (row) => row + 1).out, `${layer}.self_attn_layer_norm`)
    const found = SOURCES.map((name) => {
      const source = sources[name]
      const { mean, out } = attend(x, source, `${layer}.encoder_attn${modules[name]}`, () => source.length / d)
      return [name, mean, out] as const
    })
    const total = x.map((_, at) => found.reduce((sum, [, , out]) => sum + out[at]!, 0))
    x = norm(x, total, `${layer}.encoder_attn_layer_norm`)
    x = norm(x, linear(linear(x, `${layer}.fc1`, 'gelu'), `${layer}.fc2`), `${layer}.final_layer_norm`)
    return {
      attention: Object.fromEntries(found.map(([name, mean]) => [name, mean])) as unknown as CrossedLayer['attention'],
      summands: Object.fromEntries(found.map(([name, , out]) => [name, out])) as unknown as CrossedLayer['summands'],
    }
  })
  const bias = tensors.get('final_logits_bias')!.values
  return { logits: matmul({ x, weight: embedding.values, bias }, [rows, d, vocabulary]), layers: crossed }
}
