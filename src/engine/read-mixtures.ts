import type { Gpu } from '../gpu/gpu.js'
import type { Strategy } from '../models/misc/strategy.js'
import { STRATEGIES, type StrategyName } from '../text/strategies.js'
import type { StrategyMixture } from './reply.js'

/** The mixtures of a batch of dialogues, read back. What is read is what was submitted before the call. */
export async function readMixtures(
  gpu: Gpu,
  { logits, probs }: Strategy,
  dialogues: number,
): Promise<StrategyMixture[]> {
  const width = logits.shape[1]!
  const [logitValues, probValues] = await Promise.all([gpu.readF32(logits), gpu.readF32(probs)])
  return Array.from({ length: dialogues }, (_, row) => {
    const best = STRATEGIES.reduce(
      (best, _, i) => (logitValues[row * width + i]! > logitValues[row * width + best]! ? i : best),
      0,
    )
    const entries = STRATEGIES.map((name, i) => [name, probValues[row * width + i]!] as const)
    return { probs: Object.fromEntries(entries) as Record<StrategyName, number>, predicted: STRATEGIES[best]! }
  })
}
