/** A suffix, what takes its place, and what must hold of the stem before it. */
type Rule = readonly [suffix: string, replacement: string, condition?: (stem: string) => boolean]

/** Words whose stems are not by rule. */
const IRREGULAR: ReadonlyMap<string, string> = new Map([
  ['skies', 'sky'],
  ['sky', 'sky'],
  ['dying', 'die'],
  ['lying', 'lie'],
  ['tying', 'tie'],
  ['news', 'news'],
  ['innings', 'inning'],
  ['inning', 'inning'],
  ['outings', 'outing'],
  ['outing', 'outing'],
  ['cannings', 'canning'],
  ['canning', 'canning'],
  ['howe', 'howe'],
  ['proceed', 'proceed'],
  ['exceed', 'exceed'],
  ['succeed', 'succeed'],
])

/**
 * The stem of a lower-case word: the algorithm of Porter (1980) with the extensions that NLTK's stemmer has by default, which
 * METEOR's scores are made with.
 */
export function porterStem(word: string): string {
  const irregular = IRREGULAR.get(word)
  if (irregular !== undefined) return irregular
  if (word.length <= 2) return word
  return STEPS.reduce((stem, step) => step(stem), word)
}

const STEPS = [plural, pastOrGerund, finalY, doubleSuffix, adjectival, bareSuffix, finalE, finalDoubleL]

/** Step 1a. */
function plural(word: string): string {
  // NLTK: dies → die, and not di.
  if (word.length === 4 && word.endsWith('ies')) return word.slice(0, -1)
  return replaceSuffix(word, [
    ['sses', 'ss'],
    ['ies', 'i'],
    ['ss', 'ss'],
    ['s', ''],
  ])
}

/** Step 1b. */
function pastOrGerund(word: string): string {
  // NLTK: died → die, cried → cri.
  if (word.endsWith('ied')) return word.slice(0, word.length === 4 ? -1 : -2)
  if (word.endsWith('eed')) return replaceSuffix(word, [['eed', 'ee', isLong]])
  const suffix = ['ed', 'ing'].find((it) => word.endsWith(it) && hasVowel(word.slice(0, -it.length)))
  if (suffix === undefined) return word
  const stem = word.slice(0, -suffix.length)
  for (const ending of ['at', 'bl', 'iz']) if (stem.endsWith(ending)) return `${stem}e`
  if (endsWithDoubleConsonant(stem)) return /[lsz]$/.test(stem) ? stem : stem.slice(0, -1)
  return measure(stem) === 1 && endsLikeHop(stem) ? `${stem}e` : stem
}

/** Step 1c. NLTK: only after a consonant that is not the first letter: happy → happi, but enjoy and by stay. */
function finalY(word: string): string {
  return replaceSuffix(word, [['y', 'i', (stem) => stem.length > 1 && isConsonant(stem, stem.length - 1)]])
}

/** Step 2. */
function doubleSuffix(word: string): string {
  // NLTK: first, and what comes of it takes the step again.
  if (word.endsWith('alli') && isLong(word.slice(0, -4))) return doubleSuffix(word.slice(0, -2))
  return replaceSuffix(word, [
    ['ational', 'ate', isLong],
    ['tional', 'tion', isLong],
    ['enci', 'ence', isLong],
    ['anci', 'ance', isLong],
    ['izer', 'ize', isLong],
    ['bli', 'ble', isLong],
    ['alli', 'al', isLong],
    ['entli', 'ent', isLong],
    ['eli', 'e', isLong],
    ['ousli', 'ous', isLong],
    ['ization', 'ize', isLong],
    ['ation', 'ate', isLong],
    ['ator', 'ate', isLong],
    ['alism', 'al', isLong],
    ['iveness', 'ive', isLong],
    ['fulness', 'ful', isLong],
    ['ousness', 'ous', isLong],
    ['aliti', 'al', isLong],
    ['iviti', 'ive', isLong],
    ['biliti', 'ble', isLong],
    ['fulli', 'ful', isLong],
    // NLTK: the l counts as part of the stem, so that geologi becomes geolog.
    ['logi', 'log', (stem) => isLong(`${stem}l`)],
  ])
}

/** Step 3. */
function adjectival(word: string): string {
  return replaceSuffix(word, [
    ['icate', 'ic', isLong],
    ['ative', '', isLong],
    ['alize', 'al', isLong],
    ['iciti', 'ic', isLong],
    ['ical', 'ic', isLong],
    ['ful', '', isLong],
    ['ness', '', isLong],
  ])
}

/** Step 4. */
function bareSuffix(word: string): string {
  return replaceSuffix(word, [
    ['al', '', isLonger],
    ['ance', '', isLonger],
    ['ence', '', isLonger],
    ['er', '', isLonger],
    ['ic', '', isLonger],
    ['able', '', isLonger],
    ['ible', '', isLonger],
    ['ant', '', isLonger],
    ['ement', '', isLonger],
    ['ment', '', isLonger],
    ['ent', '', isLonger],
    ['ion', '', (stem) => isLonger(stem) && /[st]$/.test(stem)],
    ['ou', '', isLonger],
    ['ism', '', isLonger],
    ['ate', '', isLonger],
    ['iti', '', isLonger],
    ['ous', '', isLonger],
    ['ive', '', isLonger],
    ['ize', '', isLonger],
  ])
}

/** Step 5a. */
function finalE(word: string): string {
  return replaceSuffix(word, [['e', '', (stem) => isLonger(stem) || (measure(stem) === 1 && !endsLikeHop(stem))]])
}

/** Step 5b. */
function finalDoubleL(word: string): string {
  return replaceSuffix(word, [['ll', 'l', (stem) => isLonger(`${stem}l`)]])
}

/** The word by the first rule whose suffix it has; itself where there is none, or its condition does not hold. */
function replaceSuffix(word: string, rules: readonly Rule[]): string {
  const rule = rules.find(([suffix]) => word.endsWith(suffix))
  if (!rule) return word
  const [suffix, replacement, condition] = rule
  const stem = word.slice(0, word.length - suffix.length)
  return condition === undefined || condition(stem) ? stem + replacement : word
}

/** Porter's m: how often consonants follow vowels. */
function measure(stem: string): number {
  let count = 0
  for (let i = 1; i < stem.length; i++) if (isConsonant(stem, i) && !isConsonant(stem, i - 1)) count++
  return count
}

const isLong = (stem: string): boolean => measure(stem) > 0
const isLonger = (stem: string): boolean => measure(stem) > 1

/** Any letter but a, e, i, o, u, and but a y after a consonant. */
function isConsonant(word: string, index: number): boolean {
  if (word[index] !== 'y') return !'aeiou'.includes(word[index]!)
  // Runs of y alternate.
  let first = index
  while (word[first - 1] === 'y') first--
  const firstIsConsonant = first === 0 || !isConsonant(word, first - 1)
  return (index - first) % 2 === 0 ? firstIsConsonant : !firstIsConsonant
}

const hasVowel = (stem: string): boolean => Array.from(stem, (_, i) => i).some((i) => !isConsonant(stem, i))

function endsWithDoubleConsonant(word: string): boolean {
  return word.length >= 2 && word.at(-1) === word.at(-2) && isConsonant(word, word.length - 1)
}

/** Porter's *o: consonant, vowel, consonant, the last no w, x or y. NLTK: or vowel and consonant, where that is all. */
function endsLikeHop(word: string): boolean {
  const end = word.length - 1
  if (word.length < 2 || !isConsonant(word, end) || isConsonant(word, end - 1)) return false
  return word.length === 2 || (isConsonant(word, end - 2) && !/[wxy]$/.test(word))
}
