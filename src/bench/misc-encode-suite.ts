import { fusePaper, fuseReleased, gatherBlocks } from '../models/misc/fusion.js'
import { type MiscWeights, miscLayout } from '../models/misc/layout.js'
import type { EncodedDialogues } from '../models/misc/misc.js'
import { mixStrategies } from '../models/misc/strategy.js'
import { encode as encodeContexts } from '../nn/encoder.js'
import type { Pass } from '../nn/pass.js'
import { RaggedBatch } from '../nn/ragged-batch.js'
import { blockFlops, contextFlops, crossFlops, fusionFlops } from './cost.js'
import type { MiscRig } from './misc-rig.js'
import type { EncodeReport } from './report.js'
import { sum } from './statistics.js'
import { gpuTime, type SuiteContext, timeRow } from './suite.js'

/** Rows of {@link miscEncodeSuite}. */
export const miscEncodeSuiteRows = 6
const profiledRuns = 3

/** All that MISC computes before the first step, whole and in parts. */
export async function miscEncodeSuite(context: SuiteContext<MiscRig>): Promise<EncodeReport> {
  const { rig } = context
  const { weights, inputs: dialogues, blockCache } = rig
  const { weights: layout } = miscLayout(weights.config, weights.variant)
  const lengths = dialogues.map((it) => it.context.length)
  const blocks = new Set(rig.blocks.map((ids) => ids.join()))
  const blockLengths = [...blocks].map((key) => key.split(',').length)
  const ids = { blocks: sum(blockLengths), context: sum(lengths) }
  const forget = () => blockCache.clear()
  const encode = () => rig.run((pass) => rig.encode(pass))

  const flops = {
    blocks: blocks.size > 0 ? blockFlops(layout, blockLengths) : 0,
    context: contextFlops(layout, lengths),
    fusion: sum(dialogues.map((it) => fusionFlops(layout, it.context.length, it.post.length + it.situation.length))),
    cross: sum(dialogues.map((it) => crossFlops(layout, it.context.length + it.post.length + it.situation.length))),
  }
  const cached = flops.context + flops.fusion

  const all = { name: 'encode', ids: ids.blocks + ids.context, flops: flops.blocks + cached }
  const rows = [await timeRow(context, all, encode, forget)]
  let encoded: EncodedDialogues = await encode()
  const add = async (name: string, count: number, work: number, run: () => Promise<unknown>, prepare?: () => unknown) =>
    rows.push(await timeRow(context, { name, ids: count, flops: work }, run, prepare))

  await add('encode_cached_blocks', ids.context, cached, async () => {
    encoded = await encode()
  })
  await add('cross_kv', ids.context + rig.blocks.length, flops.cross, () => rig.prepare(encoded))
  if (blocks.size > 0) await add('blocks', ids.blocks, flops.blocks, () => rig.encodeBlocks(), forget)
  await add('context', ids.context, flops.context, () => rig.run((pass) => encodeContexts(pass, contexts(rig))))
  await rig.encodeBlocks()
  await add('fusion_strategy', rig.blocks.length, flops.fusion, () => rig.run((pass) => fuse(pass, rig, encoded)))

  const gpuEncode = await gpuTime(context, profiledRuns, (submit) => {
    forget()
    return rig.record((pass) => rig.encode(pass), submit)
  })
  return { rows, gpu_encode: gpuEncode }
}

const contexts = ({ inputs }: MiscRig) => new RaggedBatch(inputs.map((it) => it.context))

/** Eq. 4–6 alone. The released fusion stands between the encoder's layers; here all of it follows the last. */
function fuse(
  pass: Pass<MiscWeights>,
  { blockCache, inputs: dialogues, weights }: MiscRig,
  { context, batch }: EncodedDialogues,
): void {
  const { fusion } = weights
  const sources = (['post', 'situation'] as const).map((name) => {
    const rows = dialogues.map((it) => blockCache.encode(pass, it[name]))
    return gatherBlocks(pass, name, blockCache.states, rows)
  })
  if (fusion.variant === 'paper') for (const source of sources) fusePaper(pass, fusion, context, batch, source)
  else for (const layer of fusion.layers) fuseReleased(pass, layer, context, batch, sources)
  mixStrategies(
    pass,
    context,
    batch,
    dialogues.map(() => undefined),
  )
}
