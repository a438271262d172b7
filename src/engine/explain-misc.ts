import { sizeOf } from '../gpu/tensor.js'
import type { MiscCache } from '../models/misc/decoder.js'
import type { MiscWeights } from '../models/misc/layout.js'
import { SOURCES } from '../models/misc/sources.js'
import { attendedSources, crossSummands } from '../models/misc/summands.js'
import { Run } from '../nn/run.js'
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
  { gpu, model }: DecoderOf<'misc'>,
  { cache, stage }: Replay<MiscTypes['told']>,
): Promise<BySource[][]> {
  const weights = model.weights as MiscWeights
  const d = weights.config.dModel
  const width = attendedSources * d
  const rows = stage('decoder.cross_attended.0').length / width
  const { attended, apart, out } = await gpu.scoped('room to explain a reply', () => ({
    attended: gpu.tensor('summands.attended', [rows, width]),
    apart: gpu.tensor('summands.apart', [attendedSources * rows, width]),
    out: gpu.tensor('summands.kept', [attendedSources * rows, d]),
  }))
  const run = new Run(gpu, weights)
  const byLayer: BySource[][] = []
  try {
    const strategy = await gpu.readF32((cache as MiscCache).strategy)
    for (const [layer, { crossBiases }] of weights.decoder.layers.entries()) {
      gpu.write(attended, stage(`decoder.cross_attended.${layer}`))
      await run.submit((pass) => {
        pass.recorder.copy(crossSummands(pass, layer, attended, apart, rows), out, sizeOf(out.shape))
      }, 'explaining a reply')
      const [summands, biases] = [await gpu.readF32(out), await gpu.readF32(crossBiases)]
      // The strategy's summand is kept with the biases of all four.
      const ofStrategy = strategy
        .slice(layer * d, (layer + 1) * d)
        .map((value, i) => value - biases[i]! - biases[d + i]! - biases[2 * d + i]!)
      const of = (source: number, row: number) => {
        const first = (source * rows + row) * d
        return source < attendedSources ? summands.subarray(first, first + d) : ofStrategy
      }
      byLayer.push(Array.from({ length: rows }, (_, row) => bySource(SOURCES.map((_, s) => norm(of(s, row))))))
    }
  } finally {
    run.dispose()
    gpu.free(attended, apart, out)
  }
  return byLayer[0]!.map((_, row) => byLayer.map((layer) => layer[row]!))
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
