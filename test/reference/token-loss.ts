/** −log softmax(logits)[target] in float64, and the first best id: the plain twin of shaders/token-loss.wgsl. */
export function tokenLoss(
  logits: ArrayLike<number>,
  targets: ArrayLike<number>,
  vocabulary: number,
): { losses: number[]; bestIds: number[] } {
  const losses: number[] = []
  const bestIds: number[] = []
  for (let row = 0; row < targets.length; row++) {
    const scores = Array.from({ length: vocabulary }, (_, i) => logits[row * vocabulary + i]!)
    const best = Math.max(...scores)
    const total = scores.reduce((sum, score) => sum + Math.exp(score - best), 0)
    losses.push(best + Math.log(total) - scores[targets[row]!]!)
    bestIds.push(scores.indexOf(best))
  }
  return { losses, bestIds }
}
