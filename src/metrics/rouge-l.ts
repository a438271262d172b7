import type { IdPair } from './bleu.js'

const beta = 1.2

/**
 * ROUGE-L (Lin, 2004) of a reply, 0 to 1: the F-measure, with β 1.2, of their longest common subsequence; 0 where they have no
 * id in common.
 */
export function rougeL({ hypothesis, reference }: IdPair): number {
  const common = longestCommonSubsequence(hypothesis, reference)
  if (common === 0) return 0
  const [precision, recall] = [common / hypothesis.length, common / reference.length]
  return ((1 + beta ** 2) * precision * recall) / (recall + beta ** 2 * precision)
}

function longestCommonSubsequence(a: readonly number[], b: readonly number[]): number {
  // lengths[j]: of what has been read of `a` and the first j ids of `b`.
  const lengths = new Uint32Array(b.length + 1)
  for (const id of a) {
    let diagonal = 0
    for (const [j, other] of b.entries()) {
      const above = lengths[j + 1]!
      lengths[j + 1] = id === other ? diagonal + 1 : Math.max(above, lengths[j]!)
      diagonal = above
    }
  }
  return lengths[b.length]!
}
