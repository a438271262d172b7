/** The n-grams of a row of ids, in order, each as a string: none where the row is shorter than n. */
export function ngrams(ids: readonly number[], n: number): string[] {
  return Array.from({ length: Math.max(0, ids.length - n + 1) }, (_, i) => ids.slice(i, i + n).join(' '))
}

/** How many of the hypothesis's n-grams the reference has too, each as often as it has it there. */
export function commonNgrams(hypothesis: readonly number[], reference: readonly number[], n: number): number {
  const left = new Map<string, number>()
  for (const ngram of ngrams(reference, n)) left.set(ngram, (left.get(ngram) ?? 0) + 1)
  return ngrams(hypothesis, n).filter((ngram) => {
    const count = left.get(ngram) ?? 0
    left.set(ngram, count - 1)
    return count > 0
  }).length
}
