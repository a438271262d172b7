import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { COMET_2019_TOKENS } from '../../src/text/gpt-codec.js'
import { Tokenizer } from '../../src/text/tokenizer.js'
import { filesFolder } from '../files-folder.js'
import { refused } from '../throws.js'
import { GPT_MERGES, GPT_TOKENS } from './gpt-files.js'

const gpt = suite('text/gpt-codec')

// Ids by hand: 0 <unk>, 1 e, 2 a, 3 t, 4 s, 5 e</w>, 6 a</w>, 7 t</w>, 8 s</w>, 9 .</w>, 10 at</w>, 11 eat</w>, 12 ea, 13 \n</w>.
const vocabulary = (tokens = GPT_TOKENS) => Object.fromEntries(tokens.map((token, id) => [token, id]))
const load = (files: Record<string, unknown> = {}) =>
  Tokenizer.load(filesFolder({ 'encoder_bpe_40000.json': vocabulary(), 'vocab_40000.bpe': GPT_MERGES, ...files }))

gpt('words end with </w>; what the vocabulary lacks is id 0', async () => {
  const comet = await load()
  assert.equal(await comet.encode('Eat eats.'), [11, 12, 3, 8, 9])
  assert.equal(await comet.encode('eat\n\nzet'), [11, 13, 0, 1, 7])
  assert.equal(await comet.encodeBatch(['', ' ', 'a']), [[], [], [6]])
})

gpt('COMET’s tokens follow in their order, and no text holds them', async () => {
  const comet = await load()
  assert.equal([comet.baseVocabSize, comet.vocabSize, comet.eosId], [14, 26, 15])
  assert.equal(
    COMET_2019_TOKENS.map((token) => comet.idOf(token)),
    [14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25],
  )
  assert.equal([comet.idOf('<oEffect>'), comet.idOf('<xWant>'), comet.idOf('<blank>')], [16, 24, 25])
  assert.ok((await comet.encode('<xReact> <END>')).every((id) => id < 14))
})

gpt('___ is <blank>, where the released program puts one', async () => {
  const comet = await load()
  const cases: [string, number[]][] = [
    ['a ___ eat', [6, 25, 11]],
    ['a ___', [6, 25]],
    ['___ a', [25, 6]],
    ['a ___ ___ a', [6, 25, 6]],
    ['___', [25, 25]],
    ['a______a', [6, 25, 6]],
  ]
  for (const [text, ids] of cases) assert.equal(await comet.encode(text), ids, text)
})

gpt('both names of the files give the same, and go before a tokenizer.json', async () => {
  const hub = { 'vocab.json': vocabulary(), 'merges.txt': GPT_MERGES }
  const json = { version: '1.0', model: { type: 'BPE', vocab: { '<unk>': 0 }, merges: [] } }
  for (const files of [hub, { ...hub, 'tokenizer.json': { ...json, added_tokens: [] } }]) {
    const comet = await Tokenizer.load(filesFolder(files))
    assert.equal(await comet.encode('Eat eats.\n a'), [11, 12, 3, 8, 9, 13, 6])
    assert.is(comet.vocabSize, 26)
  }
  // Another model's vocabulary of the same kind: its tokenizer.json says all.
  const other = vocabulary(GPT_TOKENS.slice(0, -1))
  const clip = await Tokenizer.load(filesFolder({ ...hub, 'vocab.json': other, 'tokenizer.json': json }))
  assert.is(clip.vocabSize, 1)
})

gpt('a vocabulary that holds COMET’s tokens itself, or a file that names them', async () => {
  const own = await load({ 'encoder_bpe_40000.json': vocabulary([...GPT_TOKENS, ...COMET_2019_TOKENS]) })
  assert.equal([own.baseVocabSize, own.vocabSize, own.idOf('<xReact>')], [14, 26, 23])
  const named = await load({ 'added_tokens.json': Object.fromEntries(COMET_2019_TOKENS.map((it, i) => [it, 30 + i])) })
  assert.equal([named.baseVocabSize, named.vocabSize, named.idOf('<START>')], [14, 42, 30])
})

gpt('decodes words, as they come', async () => {
  const comet = await load()
  assert.is(comet.decode([12, 3, 8, 25, 11, 0, 15]), 'eats ___ eat')
  assert.is(comet.decode([11, 13, 6]), 'eat a')
  const stream = comet.stream()
  assert.equal([...[12, 3, 8, 11, 1].map((id) => stream.push(id)), stream.end()], ['', '', 'eats', ' eat', '', ' e'])
  await refused(() => comet.decode([26]), /cannot decode id 26: ids of this tokenizer are integers from 0 to 25/)
})

gpt('files that are not right are refused', async () => {
  await refused(() => load({ 'encoder_bpe_40000.json': vocabulary(['a</w>']) }), /40000\.json: lacks the token <unk>/)
  await refused(() => load({ 'vocab_40000.bpe': 'e q\n' }), /vocabulary and merges do not fit together/)
  const { 'vocab_40000.bpe': _, ...alone } = { 'encoder_bpe_40000.json': vocabulary(), 'vocab_40000.bpe': '' }
  await refused(() => Tokenizer.load(filesFolder(alone)), /vocab_40000\.bpe: no such file/)
})

gpt('a merge to a longer token than any is refused: the package ends the process at it', async () => {
  const files = { 'vocab.json': Object.fromEntries(GPT_TOKENS.map((token, id) => [token, id])) }
  const path = filesFolder({ ...files, 'merges.txt': 'eat</w> eat</w>\n' })
  await refused(() => Tokenizer.load(path), /do not fit together \(token "eat<\/w>eat<\/w>" out of vocabulary\)/)
})

gpt.run()
