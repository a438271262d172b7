import type { Gpu } from '../gpu/gpu.js'
import type { MiscCache } from '../models/misc/decoder.js'
import type { MiscWeights } from '../models/misc/layout.js'
import { attendedSources, crossSummands, SOURCES } from '../models/misc/summands.js'
import { STRATEGIES, type StrategyName } from '../text/strategies.js'
import type { Look } from './explain-reply.js'
import type { BySource, ExplainedBlock, Explanation, MiscExplanation, MiscWord, WordAttention } from './explanation.js'
import type { DecoderOf } from './load-decoder.js'
import type { Replay } from './replay.js'
import type { MiscTypes, ReplyBlock } from './reply.js'
import { isQuery, softmax, sourceAttention } from './source-attention.js'

/** What MISC's decoder did for each word, and what its encoder says of the strategy. */
interface Seen {
  readonly predicted: readonly number[]
  readonly given: readonly number[]
  readonly attention: readonly WordAttention[]
  /** By word, by layer. */
  readonly contributions: readonly (readonly BySource[])[]
}

/** What is kept of a replay: each layer's queries and attention outputs. */
export const miscLook: Look<MiscTypes, Seen> = {
  isWanted: (stage) => isQuery(stage) || stage.startsWith('decoder.cross_attended.'),
  see: async (decoder, replayed, input, words) => {
    const { logits, probs } = replayed.told
    const counts = decoder.model.sourceRows(input)
    const attention = await sourceAttention(decoder.gpu, replayed, counts)
    return {
      predicted: softmax(logits),
      given: [...probs],
      attention: attention.slice(0, words).map(([context, post, situation]) => {
        return { context: context!, post: post!, situation: situation! }
      }),
      contributions: (await contributions(decoder, replayed)).slice(0, words),
    }
  },
}

/** ‖A‖ of each summand of eq. 7, by row, by layer. */
async function contributions(
  { gpu, model, reader }: DecoderOf<'misc'>,
  { cache, stage }: Replay<MiscTypes['told']>,
): Promise<BySource[][]> {
  const { decoder, config } = model.weights as MiscWeights
  const { dModel: d } = config
  const strategy = await gpu.readF32((cache as MiscCache).strategy)
  const byLayer: BySource[][] = []
  for (const [layer, { crossBiases }] of decoder.layers.entries()) {
    const attended = stage(`decoder.cross_attended.${layer}`)
    const rows = attended.length / (attendedSources * d)
    const summands = await summandsOf(gpu, reader, layer, attended, rows)
    const biases = await gpu.readF32(crossBiases)
    const folded = strategy.subarray(layer * d, (layer + 1) * d)
    // The strategy's summand is kept with the biases of all four.
    const ofStrategy = folded.map((value, i) => value - biases[i]! - biases[d + i]! - biases[2 * d + i]!)
    byLayer.push(
      Array.from({ length: rows }, (_, row) => {
        const vectors = [0, 1, 2].map((s) => summands.subarray((s * rows + row) * d, (s * rows + row + 1) * d))
        return bySource([...vectors, ofStrategy].map(norm))
      }),
    )
  }
  return byLayer[0]!.map((_, row) => byLayer.map((rows) => rows[row]!))
}

async function summandsOf(
  gpu: Gpu,
  { run }: DecoderOf<'misc'>['reader'],
  layer: number,
  attended: Float32Array,
  rows: number,
): Promise<Float32Array> {
  const width = attended.length / rows
  const { input, apart, out } = await gpu.scoped('room to explain a reply', () => ({
    input: gpu.tensorFrom('summands.attended', [rows, width], attended),
    apart: gpu.tensor('summands.apart', [attendedSources * rows, width]),
    out: gpu.tensor('summands.kept', [attendedSources * rows, width / attendedSources]),
  }))
  try {
    await run.submit((pass) => {
      const summands = crossSummands(pass as typeof pass & { weights: MiscWeights }, layer, input, apart, rows)
      pass.recorder.copy(summands, out, attendedSources * rows * (width / attendedSources))
    }, 'explaining a reply')
    return await gpu.readF32(out)
  } finally {
    gpu.free(input, apart, out)
  }
}

const norm = (vector: Float32Array): number => Math.sqrt(vector.reduce((sum, it) => sum + it * it, 0))

const bySource = (values: readonly number[]): BySource =>
  Object.fromEntries(SOURCES.map((name, i) => [name, values[i]!])) as unknown as BySource

/** MISC's explanation of a reply, of what {@link miscLook} saw. */
export function miscExplanation(
  { words, reply, ...explanation }: Explanation<MiscTypes>,
  { predicted, given, attention, contributions }: Seen,
  isGiven: boolean,
): MiscExplanation {
  const byName = (probs: readonly number[]) =>
    Object.fromEntries(STRATEGIES.map((name, i) => [name, probs[i]!])) as Record<StrategyName, number>
  const attended = (name: 'post' | 'situation') =>
    reply.blocks[name].map((block: ReplyBlock, i): ExplainedBlock => {
      const sum = attention.reduce((sum, it) => sum + it[name][i]!, 0)
      return { ...block, attention: attention.length > 0 ? sum / attention.length : 0 }
    })
  return {
    ...explanation,
    reply,
    strategies: { predicted: byName(predicted), given: isGiven ? byName(given) : undefined },
    blocks: { post: attended('post'), situation: attended('situation') },
    words: words.map((word, i): MiscWord => {
      const byLayer = contributions[i]!
      const sum = bySource(SOURCES.map((name) => byLayer.reduce((sum, it) => sum + it[name], 0)))
      return { ...word, contributions: { byLayer, sum }, attention: attention[i]! }
    }),
  }
}
