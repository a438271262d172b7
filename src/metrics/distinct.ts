import { ngrams } from './ngrams.js'

/**
 * Distinct-n (Li et al., 2016): different n-grams of all replies / all their n-grams; 0 where there are none. As MISC's authors
 * count, a reply's last n-gram is left out, so that `length` ids give `length − n`.
 */
export function distinct(replies: readonly (readonly number[])[], n: number): number {
  const seen = new Set<string>()
  let total = 0
  for (const reply of replies) {
    const counted = ngrams(reply.slice(0, -1), n)
    for (const ngram of counted) seen.add(ngram)
    total += counted.length
  }
  return total === 0 ? 0 : seen.size / total
}
