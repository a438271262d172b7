/** Elements made at a time: 4 MiB. */
const CHUNK_ELEMENTS = 1 << 20

/**
 * Synthetic weights, the same on every machine: element i of a tensor is a hash of i, the tensor's name and a seed,
 * scaled by what the name says the tensor is, so that a model of them computes with sensible magnitudes.
 *
 * Yields the tensor's values in order. **Every chunk lies in the same memory**: use it before asking for the next.
 */
export function* syntheticChunks(
  name: string,
  shape: readonly number[],
  seed: number,
): Generator<Float32Array<ArrayBuffer>, void, void> {
  const total = shape.reduce((product, size) => product * size, 1)
  const origin = (fnv1a32(name) + Math.imul(seed, 0x9e3779b9)) | 0
  // A filter sums over its width too.
  const summed = name.endsWith('.conv.weight') ? shape.slice(1) : shape.slice(-1)
  const range = valueRange(
    name,
    summed.reduce((product, size) => product * size, 1),
  )
  const buffer = new Float32Array(Math.min(total, CHUNK_ELEMENTS))
  for (let start = 0; start < total; start += CHUNK_ELEMENTS) {
    const chunk = buffer.subarray(0, Math.min(CHUNK_ELEMENTS, total - start))
    fill(chunk, (origin + start) | 0, range)
    // GPT's norms, whose names fit no other rule: the goldens have a tenth of that rule's value, as f32, beside 1.
    if (gptNorm.test(name)) for (const [i, value] of chunk.entries()) chunk[i] = 1 + 0.1 * value
    yield chunk
  }
}

const gptNorm = /\.ln_[12]\.(weight|g)$/

/** v = centre + u · scale / divisor. Both are kept: dividing by √d and multiplying by 1/√d round differently. */
interface ValueRange {
  readonly centre: number
  readonly scale: number
  readonly divisor: number
}

function fill(chunk: Float32Array, origin: number, { centre, scale, divisor }: ValueRange): void {
  for (let i = 0; i < chunk.length; i++) {
    let x = (origin + i) | 0
    x = Math.imul(x ^ (x >>> 16), 0x7feb352d)
    x = Math.imul(x ^ (x >>> 15), 0x846ca68b)
    x ^= x >>> 16
    const u = ((x >>> 0) / 0x100000000) * 2 - 1
    chunk[i] = centre + (u * scale) / divisor
  }
}

/** The first rule that a name fits. */
function valueRange(name: string, lastSize: number): ValueRange {
  const lower = name.toLowerCase()
  if (name.endsWith('running_var')) return { centre: 1, scale: 0.5, divisor: 1 }
  if (name.endsWith('running_mean')) return { centre: 0, scale: 0.5, divisor: 1 }
  if (['layer_norm', 'layernorm', 'batchnorm'].some((word) => lower.includes(word))) {
    return { centre: /\.(weight|gamma)$/.test(name) ? 1 : 0, scale: 0.1, divisor: 1 }
  }
  if (name.endsWith('.bias') || name === 'final_logits_bias') return { centre: 0, scale: 0.05, divisor: 1 }
  if (name.includes('embed') || name.endsWith('shared.weight') || name === 'lm_head.weight') {
    return { centre: 0, scale: 1, divisor: Math.sqrt(lastSize) }
  }
  return { centre: 0, scale: Math.sqrt(3 / lastSize), divisor: 1 }
}

/** 32-bit FNV-1a over the UTF-8 bytes. */
function fnv1a32(text: string): number {
  let hash = 0x811c9dc5
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193)
  return hash
}
