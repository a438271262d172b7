import { encodeFlops } from './cost.js'
import type { EncodeReport } from './report.js'
import { sum } from './statistics.js'
import { gpuTime, type SuiteContext, timeRow } from './suite.js'

/** Rows of {@link encodeSuite}. */
export const encodeSuiteRows = 1
const profiledRuns = 3

/** All that is computed before the first step, of a family that keeps nothing of earlier inputs: MISC has a suite of its own. */
export async function encodeSuite(context: SuiteContext): Promise<EncodeReport> {
  const { rig } = context
  const sizes = rig.inputs.map((input) => rig.model.size(input))
  const all = { name: 'encode', ids: sum(sizes), flops: encodeFlops(rig.description, sizes) }
  const row = await timeRow(context, all, () => rig.run((pass) => rig.encode(pass)))
  const gpuEncode = await gpuTime(context, profiledRuns, (submit) => rig.record((pass) => rig.encode(pass), submit))
  return { rows: [row], gpu_encode: gpuEncode }
}
