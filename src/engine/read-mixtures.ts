import type { Readback } from '../gpu/gpu.js'
import { STRATEGIES, type StrategyName } from '../text/strategies.js'
import type { StrategyMixture } from './reply.js'

/** The mixtures of a batch of dialogues, from the readbacks of the strategies' logits and probabilities, which are freed. */
export async function readMixtures(
  readbacks: readonly [logits: Readback, probs: Readback],
  dialogues: number,
): Promise<StrategyMixture[]> {
  const width = readbacks[0].tensor.shape[1]!
  const [logits, probs] = await Promise.all([readbacks[0].read(), readbacks[1].read()])
  for (const readback of readbacks) readback.dispose()
  return Array.from({ length: dialogues }, (_, row) => {
    const best = STRATEGIES.reduce(
      (best, _, i) => (logits[row * width + i]! > logits[row * width + best]! ? i : best),
      0,
    )
    const entries = STRATEGIES.map((name, i) => [name, probs[row * width + i]!] as const)
    return { probs: Object.fromEntries(entries) as Record<StrategyName, number>, predicted: STRATEGIES[best]! }
  })
}
