import { InputError } from '../../errors.js'
import { philox4x32 } from '../../generation/random.js'
import { seedWords } from '../../generation/seed.js'

/**
 * ε of MIME's emotions, which the released program draws anew each time (baselines §4): none, that of a seed (the reply's, below
 * 2^53), or given, d numbers for each polarity.
 */
export type Noise =
  | 'zero'
  | { readonly seed: number }
  | { readonly positive: ArrayLike<number>; readonly negative: ArrayLike<number> }

/**
 * ε for the positive emotions, then for the negative ones.
 *
 * @returns [2 · d]
 * @throws InputError where it is given and has another length.
 */
export function noiseValues(noise: Noise, d: number): Float32Array {
  if (noise === 'zero') return new Float32Array(2 * d)
  if ('seed' in noise) return normals(noise.seed, 2 * d)
  const { positive, negative } = noise
  if (positive.length === d && negative.length === d) {
    return Float32Array.from([...Array.from(positive), ...Array.from(negative)])
  }
  throw new InputError(`noise has ${positive.length} and ${negative.length} numbers: it needs ${d} for each polarity`)
}

/** Standard normal numbers of a seed, by Box and Muller from Philox. Draws of ids count in its first word, these in the second. */
function normals(seed: number, count: number): Float32Array {
  const values = new Float32Array(count)
  for (let i = 0; i < count; i += 2) {
    const [radius, angle] = philox4x32([0, i / 2 + 1, 0, 0], seedWords(seed))
    const length = Math.sqrt(-2 * Math.log((radius + 0.5) / 2 ** 32))
    const turn = (2 * Math.PI * angle) / 2 ** 32
    values[i] = length * Math.cos(turn)
    values[i + 1] = length * Math.sin(turn)
  }
  return values
}
