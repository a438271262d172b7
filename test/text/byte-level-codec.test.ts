import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Tokenizer } from '../../src/text/tokenizer.js'
import { filesFolder } from '../files-folder.js'
import { randomIntegers } from '../random.js'
import { refused } from '../throws.js'

const bytes = suite('text/byte-level-codec')

// Ids by hand: 0 <s>, 1 <pad>, 2 </s>, 3 <unk>, 4 e, 5 a, 6 t, 7 s, 8 Ġ, 9 [, 10 G, 11 E, 12 N, 13 ], 14 Ċ, 15 Ã, 16 ©,
// 17 at, 18 eat, 19 Ġeat, 20 <mask>.
const TOKENS = [
  ...['<s>', '<pad>', '</s>', '<unk>', 'e', 'a', 't', 's', 'Ġ', '[', 'G', 'E', 'N', ']', 'Ċ', 'Ã', '©'],
  ...['at', 'eat', 'Ġeat', '<mask>'],
]
const VOCABULARY = {
  'vocab.json': Object.fromEntries(TOKENS.map((token, id) => [token, id])),
  'merges.txt': '#version: 0.2\na t\ne at\nĠ eat\n',
}
const ATOMIC = { HasA: 21, IsA: 22, NotIsA: 23, oReact: 24, xReact: 25, '[GEN]': 26 }
const load = (files: Record<string, unknown> = {}) => Tokenizer.load(filesFolder({ ...VOCABULARY, ...files }))

bytes('words, bytes and the ids around a text', async () => {
  const bart = await load()
  assert.equal(await bart.encode('eats eat'), [0, 18, 7, 19, 2])
  // A space goes with the word after it; of two the first stands alone. é is two bytes.
  assert.equal(await bart.encode(' eat  eat\né'), [0, 19, 8, 19, 14, 15, 16, 2])
  // x and q are not in this vocabulary.
  assert.equal(await bart.encode('xeq'), [0, 3, 4, 3, 2])
  assert.equal(await bart.encodeBatch(['', '  ', 'e']), [[], [0, 2], [0, 4, 2]])
  assert.equal([bart.padId, bart.eosId, bart.baseVocabSize, bart.vocabSize], [1, 2, 21, 21])
})

bytes('a vocabulary with escaped characters is the same', async () => {
  const vocab = JSON.stringify(VOCABULARY['vocab.json']).replaceAll('Ġ', '\\u0120')
  assert.equal(await (await load({ 'vocab.json': vocab })).encode('eats eat'), [0, 18, 7, 19, 2])
})

bytes('without <s> and </s> nothing stands around a text', async () => {
  const tokens = ['e', 'a', 't', 'Ġ', 'at', 'eat', 'Ġeat', '<|endoftext|>']
  const gpt2 = await load({ 'vocab.json': Object.fromEntries(tokens.map((token, id) => [token, id])) })
  assert.equal(await gpt2.encode('eat eat'), [5, 6])
})

bytes('an added token is found anywhere, and takes the space around it', async () => {
  const bart = await load({ 'added_tokens.json': ATOMIC })
  const query = [0, 18, 7, 25, 26, 2]
  for (const text of ['eats xReact [GEN]', 'eatsxReact[GEN]', 'eats  xReact\n[GEN]  ']) {
    assert.equal(await bart.encode(text), query, JSON.stringify(text))
  }
  assert.equal(await bart.encode('xReact eat oReact'), [0, 25, 18, 24, 2])
  assert.equal([bart.baseVocabSize, bart.vocabSize, bart.idOf('xReact')], [21, 27, 25])
})

bytes('a [GEN] that is not added is text; the relation before it takes its space', async () => {
  const { '[GEN]': _, ...relations } = ATOMIC
  const bart = await load({ 'added_tokens.json': relations })
  assert.equal(await bart.encode('eats xReact [GEN]'), [0, 18, 7, 25, 9, 10, 11, 12, 13, 2])
  assert.equal(await bart.encode('eats [GEN]'), [0, 18, 7, 8, 9, 10, 11, 12, 13, 2])
})

bytes('tokens are looked for one after the other, so a shorter one may win', async () => {
  const bart = await load({ 'added_tokens.json': ATOMIC })
  assert.equal(await bart.encode('NotIsA'), [0, 23, 2])
  // N, o and t: o is unknown.
  assert.equal(await bart.encode('eat NotIsA'), [0, 18, 8, 12, 3, 6, 22, 2])
})

bytes('ten thousand tokens are looked for in many texts, and in a long one, in bounded time', async () => {
  const names = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`${'x'.repeat(15)}${i}`, 21 + i]))
  const bart = await load({ 'added_tokens.json': names })
  const start = process.cpuUsage()
  const texts = await bart.encodeBatch(Array.from({ length: 1000 }, () => 'eats eat'))
  assert.equal(texts.at(-1), [0, 18, 7, 19, 2])
  const found = await bart.encode(`${'eat '.repeat(10_000)}${'x'.repeat(15)}7`)
  assert.equal(found.slice(-3), [19, 28, 2])
  const { user, system } = process.cpuUsage(start)
  assert.ok(user + system < 4e6, `${user + system} µs`)
})

bytes('specials keep the space around them, <mask> the one after it', async () => {
  const bart = await load()
  assert.equal(await bart.encode('eat </s> eat'), [0, 18, 8, 2, 19, 2])
  assert.equal(await bart.encode('eat <mask> eat'), [0, 18, 20, 19, 2])
})

bytes('what tokenizer_config.json says of a token holds', async () => {
  const flags = { single_word: false, normalized: true, special: false }
  const decoder = {
    20: { content: '<mask>', ...flags, special: true, lstrip: false, rstrip: true },
    21: { content: 'xReact', ...flags, lstrip: false, rstrip: false },
    22: { content: '[GEN]', ...flags, special: true, lstrip: true, rstrip: false },
  }
  const bart = await load({ 'tokenizer_config.json': { added_tokens_decoder: decoder, add_prefix_space: true } })
  assert.equal(await bart.encode('eat xReact [GEN] eat'), [0, 19, 8, 21, 22, 19, 2])
  assert.equal(await bart.encode('eat <mask> eat'), [0, 19, 8, 20, 18, 2])
  assert.is(bart.decode([0, 19, 21, 22, 2]), ' eat xReact')
  await refused(
    () => load({ 'tokenizer_config.json': { add_prefix_space: 'yes' } }),
    /add_prefix_space must be true or/,
  )
})

bytes('decodes to the text, a word at a time', async () => {
  const bart = await load({ 'added_tokens.json': ATOMIC })
  for (const text of [' eats eat', 'eat é\n eat', '  e']) assert.is(bart.decode(await bart.encode(text)), text)
  assert.is(bart.decode([2, 0, 19, 7, 25, 24, 18, 2, 1]), ' eats xReact oReact eat')
  assert.is(bart.decode([4, 15]), 'e\ufffd')
  const stream = bart.stream()
  assert.equal(
    [...[18, 7, 19, 25, 19].map((id) => stream.push(id)), stream.end()],
    ['', '', 'eats', ' eat xReact', '', '  eat'],
  )
  await refused(() => bart.decode([27]), /cannot decode id 27: ids of this tokenizer are integers from 0 to 26/)
})

bytes('any text has the ids and the text that a tokenizer.json of the same vocabulary gives it', async () => {
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true }
  const json = await Tokenizer.load(
    filesFolder({
      'tokenizer.json': {
        ...{ version: '1.0', added_tokens: [], pre_tokenizer: byteLevel, decoder: byteLevel },
        post_processor: { ...byteLevel, type: 'RobertaProcessing', sep: ['</s>', 2], cls: ['<s>', 0] },
        model: { type: 'BPE', vocab: VOCABULARY['vocab.json'], merges: ['a t', 'e at', 'Ġ eat'], unk_token: '<unk>' },
      },
    }),
  )
  const bart = await load()
  const random = randomIntegers(7)
  const pieces = ['e', 'a', 't', 'eat', ' ', '  ', '\n', 'é', "'s", '3', '😀', 'GEN', '.', '\ud800', '\u00a0']
  for (let round = 0; round < 200; round++) {
    const text = Array.from({ length: 1 + random(12) }, () => pieces[random(pieces.length)]).join('')
    if (text.trim() === '') continue
    const ids = await bart.encode(text)
    assert.equal(ids, await json.encode(text), JSON.stringify(text))
    const kept = ids.filter((id) => id > 3)
    assert.is(bart.decode(kept), json.decode(kept), JSON.stringify(text))
  }
})

bytes('files that contradict each other, or do not fit together, are refused', async () => {
  await refused(
    () => load({ 'added_tokens.json': { xReact: 4 } }),
    /vocab\.json gives "e" id 4, but added_tokens\.json/,
  )
  await refused(
    () => load({ 'merges.txt': 'e s\n' }),
    /its vocabulary and merges do not fit together .*; take both from/,
  )
  await refused(() => load({ 'merges.txt': 'e\n' }), /merges\.txt line 1: expected two pieces/)
  await refused(() => load({ 'vocab.json': '{"<s>": 1}' }), /vocab\.json: token "<s>" has id 1/)
})

bytes('a merge to a longer token than any is refused: the package ends the process at it', async () => {
  const path = filesFolder({ 'vocab.json': { '<s>': 0, a: 1, Ġab: 2 }, 'merges.txt': 'Ġab Ġab\n' })
  await refused(() => Tokenizer.load(path), /do not fit together \(token "ĠabĠab" out of vocabulary\)/)
})

bytes.run()
