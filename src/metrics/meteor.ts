import { porterStem } from './porter-stemmer.js'

/** Which words mean the same as a lower-case word. */
export interface Synonyms {
  synonyms(word: string): ReadonlySet<string>
}

/** A word and its place in its text. */
interface Word {
  readonly text: string
  readonly at: number
}

/** A word of the hypothesis and the one of the reference that it stands for, by their places. */
interface Match {
  readonly hypothesis: number
  readonly reference: number
}

/** Words that found no partner yet. */
interface Unmatched {
  readonly hypothesis: Word[]
  readonly reference: Word[]
}

/**
 * METEOR of a reply against its reference, 0 to 1 (Lavie and Agarwal, 2007; α 0.9, β 3, γ 0.5), as NLTK 3.8's `meteor_score`
 * computes it. Words are matched in three rounds: those that are equal in lower case, those of equal Porter stem, and those
 * whose stem is a synonym of the other's stem. A round goes through the hypothesis from its end, and gives each word the last
 * one of the reference that fits and is free. With P and R the parts that are matched of both, F = P·R / (αP + (1 − α)R);
 * the penalty is γ · (chunks / matches)^β, a chunk being a run of matches that is unbroken in both texts.
 */
export function meteor(hypothesis: readonly string[], reference: readonly string[], wordnet: Synonyms): number {
  const matches = align(hypothesis, reference, wordnet)
  if (matches.length === 0) return 0
  const [precision, recall] = [matches.length / hypothesis.length, matches.length / reference.length]
  const fMean = (precision * recall) / (0.9 * precision + 0.1 * recall)
  return (1 - 0.5 * (chunks(matches) / matches.length) ** 3) * fMean
}

function align(hypothesis: readonly string[], reference: readonly string[], wordnet: Synonyms): Match[] {
  const words = (texts: readonly string[]) => texts.map((text, at) => ({ text: text.toLowerCase(), at }))
  const unmatched: Unmatched = { hypothesis: words(hypothesis), reference: words(reference) }
  const exact = round(unmatched, (word) => [word])
  for (const side of [unmatched.hypothesis, unmatched.reference]) {
    for (const [i, { text, at }] of side.entries()) side[i] = { text: porterStem(text), at }
  }
  const stems = round(unmatched, (stem) => [stem])
  // NLTK asks WordNet for what the round before has left: stems.
  const synonyms = round(unmatched, (stem) => [stem, ...wordnet.synonyms(stem)])
  return [...exact, ...stems, ...synonyms].sort((a, b) => a.hypothesis - b.hypothesis)
}

/** Matches each word that it can, the last one first, and takes both out of those unmatched. */
function round({ hypothesis, reference }: Unmatched, partners: (word: string) => Iterable<string>): Match[] {
  const matches: Match[] = []
  for (let i = hypothesis.length - 1; i >= 0; i--) {
    const wanted = new Set(partners(hypothesis[i]!.text))
    const j = reference.findLastIndex(({ text }) => wanted.has(text))
    if (j < 0) continue
    matches.push({ hypothesis: hypothesis[i]!.at, reference: reference[j]!.at })
    hypothesis.splice(i, 1)
    reference.splice(j, 1)
  }
  return matches
}

/** Runs of matches whose words follow each other in both texts. */
function chunks(matches: readonly Match[]): number {
  return matches.filter(({ hypothesis, reference }, i) => {
    const before = matches[i - 1]
    return !before || hypothesis !== before.hypothesis + 1 || reference !== before.reference + 1
  }).length
}
