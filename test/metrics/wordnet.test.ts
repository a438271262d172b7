import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { PARTS_OF_SPEECH, type PartOfSpeech, WordNet, type WordNetFiles } from '../../src/metrics/wordnet.js'
import { findWordNet } from '../../src/platform/node/find-wordnet.js'
import { refused } from '../throws.js'

const wordnet = suite('metrics/wordnet')
const licence = '  1 This software and database\n  2 WordNet 3.0 Copyright 2006 by Princeton University.\n'

/** Files of a small WordNet: synsets as lists of words, exceptions as forms and base forms. */
function files(synsets: string[][], exceptions: string[] = []): WordNetFiles {
  const offsets = new Map<string, string[]>()
  let data = licence
  for (const words of synsets) {
    const offset = String(data.length).padStart(8, '0')
    for (const word of words) {
      const lemma = word.toLowerCase().replace(/\(.*/, '')
      offsets.set(lemma, [...(offsets.get(lemma) ?? []), offset])
    }
    const count = words.length.toString(16).padStart(2, '0')
    data += `${offset} 03 n ${count} ${words.map((word) => `${word} 0`).join(' ')} 001 @ 00000001 n 0000 | gloss of words  \n`
  }
  const index = [...offsets].map(([lemma, at]) => `${lemma} n ${at.length} 2 @ ~ ${at.length} 0 ${at.join(' ')}  \n`)
  return { index: licence + index.join(''), data, exceptions: exceptions.map((line) => `${line}\n`).join('') }
}

const of = (parts: Partial<Record<PartOfSpeech, WordNetFiles>>): WordNet =>
  new WordNet(
    Object.fromEntries(PARTS_OF_SPEECH.map((part) => [part, parts[part] ?? files([])])) as Record<
      PartOfSpeech,
      WordNetFiles
    >,
  )
const sorted = (words: Iterable<string>): string[] => [...words].sort()

wordnet('single words of every synset and part of speech, as they are spelt, places of adjectives left out', () => {
  const noun = files([
    ['dog', 'domestic_dog'],
    ['dog', 'cad', 'Hound'],
  ])
  const small = of({ noun, verb: files([['chase', 'dog']]), adj: files([['asleep(p)', 'sleeping']]) })
  assert.is(small.version, '3.0')
  assert.equal(sorted(small.synonyms('dog')), ['Hound', 'cad', 'chase', 'dog'])
  assert.equal(sorted(small.synonyms('asleep')), ['asleep', 'sleeping'])
  assert.equal(sorted(small.synonyms('domestic_dog')), ['dog'])
  assert.equal(sorted(small.synonyms('cat')), [])
  // Names that every object has.
  assert.equal(sorted(small.synonyms('constructor')), [])
})

wordnet('base forms: the word’s own and those of one rule; rules again where none is a lemma', () => {
  const small = of({
    noun: files([['wolf'], ['pass', 'go_by'], ['glass'], ['glasses', 'specs'], ['author', 'writer']]),
    verb: files([['hope'], ['hop', 'jump'], ['feel', 'sense']]),
  })
  assert.equal(sorted(small.synonyms('wolves')), ['wolf'])
  assert.equal(sorted(small.synonyms('passes')), ['pass'])
  assert.equal(sorted(small.synonyms('glasses')), ['glass', 'glasses', 'specs'])
  // The verb rules -ing → e and -ing → nothing find one each.
  assert.equal(sorted(small.synonyms('hoping')), ['hop', 'hope', 'jump'])
  // Not a lemma after -s, one after -ing.
  assert.equal(sorted(small.synonyms('feelings')), ['feel', 'sense'])
  // Long runs of endings end too.
  assert.equal(sorted(small.synonyms('es'.repeat(500))), [])
})

wordnet('irregular forms have no others', () => {
  const verb = files([['go', 'travel'], ['see'], ['saw', 'cut']], ['went go', 'saw see', 'goes nowhere'])
  const small = of({ verb })
  assert.equal(sorted(small.synonyms('went')), ['go', 'travel'])
  assert.equal(sorted(small.synonyms('saw')), ['cut', 'saw', 'see'])
  assert.equal(sorted(small.synonyms('goes')), [])
})

wordnet('files that are not WordNet’s are refused', async () => {
  await refused(() => of({ noun: { index: '', data: 'nothing', exceptions: '' } }), /^data\.noun does not open/)
  const { index, data, exceptions } = files([['dog', 'cad']])
  const shifted = of({ verb: { index, data: ` ${data}`, exceptions } })
  await refused(() => shifted.synonyms('dog'), /^data\.verb of WordNet: no synset at \d+, where the index has one/)
})

wordnet('the npm package and this one’s exception lists: WordNet 3.0', async () => {
  const whole = (await findWordNet())!
  assert.is(whole.version, '3.0')
  assert.equal(sorted(whole.synonyms('automobiles')), ['auto', 'automobile', 'car', 'machine', 'motorcar'])
  assert.ok(whole.synonyms('children').has('kid'))
  assert.ok(whole.synonyms('better').has('good'))
  // Dozens of synsets, the last of them too.
  assert.ok(['bankrupt', 'breach', 'collapse', 'discover', 'weaken'].every((word) => whole.synonyms('broke').has(word)))
})

wordnet.run()
