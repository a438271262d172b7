import type { Tensor } from '../gpu/tensor.js'
import type { DialogueIds } from '../models/misc/misc.js'
import type { DecoderOf } from './load-decoder.js'
import type { StrategyMixture } from './reply.js'
import { ReplySlots } from './reply-slots.js'
import { strategyMixture } from './strategy-mixture.js'

/** The decoder's sources that hold blocks, by their place among its sources. */
const blockSources = { post: 1, situation: 2 } as const

/** What the encoders and the decoder's first step say of a dialogue. */
export interface EncodingReport {
  readonly strategy: StrategyMixture
  /**
   * How much the decoder attends to each block before the reply's first id: the cross-attention weights
   * softmax(q · k / √e) of the start id, averaged over layers and heads. Those of one source add up to 1.
   */
  readonly attention: Readonly<Record<keyof typeof blockSources, number[]>>
}

/** Encodes one dialogue and reads the decoder's attention at its start; needs the encoder's memory to itself. */
export async function inspectEncoding(decoder: DecoderOf<'misc'>, dialogue: DialogueIds): Promise<EncodingReport> {
  const { gpu, model, rules } = decoder
  const slots = await gpu.scoped('room for a dialogue', () => new ReplySlots(gpu, model, 1, rules))
  const queries: Tensor[] = []
  try {
    const { told } = await decoder.reader.encode([dialogue], slots.cache, [0])
    const recording = await slots.record(1, (recorder) => ({
      trace: (stage, tensor) => {
        if (!stage.startsWith('decoder.cross_query.')) return
        const copy = gpu.tensor(stage, [tensor.shape[1]!])
        queries.push(copy)
        recorder.copy(tensor, copy, tensor.shape[1]!)
      },
    }))
    gpu.write(slots.sampling.ids, Uint32Array.of(rules.decoderStartId))
    gpu.submit([recording])
    await gpu.idle()
    recording.dispose()

    const { heads } = slots.cache
    const attention = { post: [] as number[], situation: [] as number[] }
    for (const name of ['post', 'situation'] as const) {
      const rows = dialogue[name].length
      const first = slots.cache.sourceStarts[blockSources[name]]!
      const mean = new Array<number>(rows).fill(0)
      for (const [layer, query] of rows > 0 ? queries.entries() : []) {
        const d = query.shape[0]! / slots.cache.sourceStarts.length
        const q = (await gpu.readF32(query)).subarray(blockSources[name] * d)
        const keyValue = await gpu.readF32(slots.cache.cross[layer]!)
        for (const weights of headWeights(q, keyValue, first, rows, { e: d / heads, heads })) {
          weights.forEach((weight, row) => {
            mean[row]! += weight / (heads * queries.length)
          })
        }
      }
      attention[name] = mean
    }
    return { strategy: strategyMixture((await told)[0]!), attention }
  } finally {
    gpu.free(...queries)
    slots.dispose()
  }
}

/** softmax(q · k / √e) over `rows` rows from the first on, for each head; `keyValue` is [heads, slotRows, 2e]. */
function headWeights(
  q: Float32Array,
  keyValue: Float32Array,
  first: number,
  rows: number,
  { e, heads }: { readonly e: number; readonly heads: number },
): number[][] {
  const slotRows = keyValue.length / heads / (2 * e)
  return Array.from({ length: heads }, (_, head) => {
    const scores = Array.from({ length: rows }, (_, row) => {
      const key = (head * slotRows + first + row) * 2 * e
      let dot = 0
      for (let i = 0; i < e; i++) dot += q[head * e + i]! * keyValue[key + i]!
      return dot / Math.sqrt(e)
    })
    const best = Math.max(...scores)
    const weights = scores.map((score) => Math.exp(score - best))
    const total = weights.reduce((sum, it) => sum + it, 0)
    return weights.map((it) => it / total)
  })
}
