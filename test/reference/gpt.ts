import { layerNorm } from '../../src/validate/twins/layer-norm.js'
import { matmul } from '../../src/validate/twins/matmul.js'
import { softmax } from '../../src/validate/twins/softmax.js'

/** A tensor of a checkpoint. */
export interface Values {
  readonly shape: readonly number[]
  readonly values: ArrayLike<number>
}

/**
 * OpenAI's GPT (model-spec §5) in float64: logits [ids, V] of a sequence, whose masked ids keep their places and are attended
 * to by none.
 *
 * @param tensors by Hugging Face's names; weights of layers are [in, out].
 */
export function gpt(
  tensors: ReadonlyMap<string, Values>,
  { layers, heads }: { readonly layers: number; readonly heads: number },
  ids: readonly number[],
  mask: readonly number[],
): Float64Array {
  const of = (name: string) => tensors.get(`transformer.${name}`)!
  const [tokens, positions] = [of('tokens_embed.weight'), of('positions_embed.weight')]
  const [vocabulary = 0, d = 0] = tokens.shape
  const rows = ids.length

  const linear = (x: ArrayLike<number>, name: string, activation?: 'gelu-tanh') => {
    const { shape, values } = of(`${name}.weight`)
    const [size = 0, out = 0] = shape
    const weight = Float64Array.from({ length: size * out }, (_, i) => values[(i % size) * out + Math.floor(i / size)]!)
    const bias = tensors.get(`transformer.${name}.bias`)?.values
    return matmul({ x, weight, ...(bias && { bias }) }, [rows, size, out], activation)
  }
  const norm = (x: ArrayLike<number>, residual: ArrayLike<number>, name: string) =>
    layerNorm(x, residual, of(`${name}.weight`).values, of(`${name}.bias`).values, rows, 1e-5)
  const attend = (qkv: Float64Array) => {
    const out = new Float64Array(rows * d)
    const width = d / heads
    for (let i = 0; i < rows; i++) {
      for (let head = 0; head < d; head += width) {
        const scores = Array.from({ length: i + 1 }, (_, j) => {
          if (mask[j] === 0) return -1e9
          let score = 0
          for (let c = head; c < head + width; c++) score += qkv[i * 3 * d + c]! * qkv[j * 3 * d + d + c]!
          return score / Math.sqrt(width)
        })
        softmax(scores).forEach((weight, j) => {
          for (let c = head; c < head + width; c++) out[i * d + c]! += weight * qkv[j * 3 * d + 2 * d + c]!
        })
      }
    }
    return out
  }

  let x: Float64Array = Float64Array.from(
    { length: rows * d },
    (_, i) => tokens.values[ids[Math.floor(i / d)]! * d + (i % d)]! + positions.values[i]!,
  )
  for (let i = 0; i < layers; i++) {
    const attended = attend(linear(x, `h.${i}.attn.c_attn`))
    x = norm(x, linear(attended, `h.${i}.attn.c_proj`), `h.${i}.ln_1`)
    const expanded = linear(x, `h.${i}.mlp.c_fc`, 'gelu-tanh')
    x = norm(x, linear(expanded, `h.${i}.mlp.c_proj`), `h.${i}.ln_2`)
  }
  return matmul({ x, weight: tokens.values }, [rows, d, vocabulary])
}
