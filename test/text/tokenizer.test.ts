import { mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ADDED_TOKENS } from '../../src/text/strategies.js'
import { MAX_TEXT_LENGTH, Tokenizer } from '../../src/text/tokenizer.js'
import { filesFolder as folder } from '../files-folder.js'
import { fixture, readJsonLines } from '../fixtures.js'
import { sharedPath, skipWithoutShared } from '../shared.js'
import { tempFolder } from '../temp.js'
import { refused } from '../throws.js'

const tokenizer = await Tokenizer.load(fixture('tokenizer'))

async function agrees(file: string, lines: number) {
  const rows = readJsonLines(file)
  assert.is(rows.length, lines)
  for (const { text, ids, decoded } of rows as { text: string; ids: number[]; decoded: string }[]) {
    assert.equal(await tokenizer.encode(text), ids, `ids of ${JSON.stringify(text)}`)
    assert.is(tokenizer.decode(ids), decoded)
  }
}

const golden = suite('tokenizer golden')

golden('agrees with the authors on a sample', () => agrees(fixture('text', 'tokenizer.jsonl'), 37))

golden('agrees with the slow tokenizer on edge cases', () => agrees(fixture('text', 'edges.jsonl'), 149))

golden('a batch gives what single texts give', async () => {
  const texts = readJsonLines(fixture('text', 'edges.jsonl')).map(({ text }) => String(text))
  assert.equal(await tokenizer.encodeBatch(texts), await Promise.all(texts.map((text) => tokenizer.encode(text))))
})

golden.run()

const all = skipWithoutShared(suite('tokenizer golden, all'), 'the 415 lines of the authors’ tokenizer')
all('agrees with the authors on every line', () => agrees(sharedPath('golden', 'text', 'tokenizer.jsonl')!, 415))
all.run()

const ids = suite('tokenizer ids')

ids('specials, and the added tokens from N on', async () => {
  const { padId, eosId, clsId, baseVocabSize, vocabSize } = tokenizer
  assert.equal([padId, eosId], [0, 2])
  assert.equal([baseVocabSize, vocabSize, clsId], [54944, 54962, 54961])
  assert.equal(tokenizer.strategyIds, [54944, 54945, 54946, 54947, 54948, 54949, 54950, 54951])
  assert.is(tokenizer.relationIds.xReact, 54956)
  assert.equal(
    await tokenizer.encode(ADDED_TOKENS.join('')),
    ADDED_TOKENS.map((_, index) => 54944 + index),
  )
})

ids('lone surrogates are unknown characters', async () => {
  assert.equal(await tokenizer.encode('a \ud800b \udc00'), await tokenizer.encode('a \ufffdb \ufffd'))
})

ids('a very long word takes no quadratic time', async () => {
  const word = Array.from({ length: MAX_TEXT_LENGTH }, (_, index) => 'abcdefgh'[((index * 7919) % 11) % 8]).join('')
  const ids = await tokenizer.encode(word)
  assert.is(tokenizer.decode(ids), word)
})

ids('a text over the limit is refused', () =>
  refused(() => tokenizer.encode('a'.repeat(MAX_TEXT_LENGTH + 1)), /1000001 characters.*split it below 1000000/),
)

ids('an id that no token has is refused', async () => {
  for (const id of [-1, 1.5, Number.NaN, 54962])
    await refused(() => tokenizer.decode([14, id]), /id .* from 0 to 54961/)
})

ids.run()

const files = suite('tokenizer files')
const SMALL = { __null__: 0, __start__: 1, __end__: 2, __unk__: 3, __newln__: 4, hi: 5, 'h@@': 6, i: 7 }

files('a compact vocabulary: added ids start at its N', async () => {
  const small = await Tokenizer.load(folder({ 'vocab.json': SMALL, 'merges.txt': '#version: 0.2\r\nh i</w>\r\n' }))
  assert.equal(await small.encode('Hi hi\nh i[CLS]'), [5, 5, 4, 3, 7, 25])
  assert.is(small.decode([6, 7, 5, 25, 8]), 'hi hi [Question]')
  assert.equal([small.baseVocabSize, small.vocabSize, small.clsId], [8, 26, 25])
})

files('a vocabulary that cannot be right is refused', async () => {
  const { __end__, ...noEnd } = SMALL
  const cases: [unknown, RegExp][] = [
    ['{"a": 0', /not JSON/],
    [[], /not an object/],
    ['null', /not an object/],
    [{ ...SMALL, a: 7 }, /tokens "i" and "a" share id 7/],
    [{ ...SMALL, a: 9 }, /token "a" has id 9, expected an integer from 0 to 8/],
    [{ ...SMALL, a: -1 }, /id -1/],
    [{ ...SMALL, a: 0.5 }, /id 0\.5/],
    [{ ...SMALL, a: '8' }, /id "8"/],
    [{ ...SMALL, '[CLS]': 8 }, /\[CLS\], which is added/],
    [{ ...SMALL, 'a</w>': 8 }, /<\/w>/],
    [{ ...noEnd, a: 2 }, /lacks the token __end__/],
    ['\u00ff'.repeat(3), /not JSON/],
  ]
  for (const [vocab, pattern] of cases) {
    const path = folder({ 'vocab.json': vocab, 'merges.txt': '' })
    await refused(() => Tokenizer.load(path), pattern, /vocab\.json: .*; a tokenizer folder holds/)
  }
})

files('merges that cannot be right are refused, with their line', async () => {
  for (const line of ['h', 'h i j', 'h  i', ' h i', 'h i ']) {
    const path = folder({ 'vocab.json': SMALL, 'merges.txt': `#version: 0.2\nh i\n${line}\n` })
    await refused(() => Tokenizer.load(path), /merges\.txt line 3: expected two pieces and one space, got "/)
  }
})

files('missing, odd and huge files are refused', async () => {
  await refused(() => Tokenizer.load(join(tempFolder(), 'nowhere')), /nowhere: no such folder/)
  await refused(() => Tokenizer.load(folder({ 'vocab.json': SMALL })), /merges\.txt: no such file/)

  const huge = folder({ 'vocab.json': SMALL, 'merges.txt': '' })
  truncateSync(join(huge, 'merges.txt'), 2 ** 27)
  await refused(() => Tokenizer.load(huge), /merges\.txt: 134217728 bytes, more than the limit of 67108864/)

  const odd = folder({ 'merges.txt': '' })
  mkdirSync(join(odd, 'vocab.json'))
  await refused(() => Tokenizer.load(odd), /vocab\.json: is a folder, not a file/)

  const latin = folder({ 'merges.txt': '' })
  writeFileSync(join(latin, 'vocab.json'), Buffer.from('{"\xff": 0}', 'latin1'))
  await refused(() => Tokenizer.load(latin), /vocab\.json: not UTF-8/)
})

files.run()

const json = suite('tokenizer.json')

/** BART's layout in small: byte-level BPE, `<s> … </s>` around a text. */
function byteLevel(): Record<string, unknown> {
  const printable = (byte: number) => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173)
  let next = 256
  const alphabet = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(printable(byte) ? byte : next++))
  const tokens = ['<s>', '<pad>', '</s>', '<unk>', ...alphabet, 'hi', 'Ġhi']
  const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]))
  const added = (id: number, content: string, special: boolean) => ({
    ...{ id, content, special, single_word: false, lstrip: false, rstrip: false, normalized: false },
  })
  return {
    version: '1.0',
    added_tokens: [...['<s>', '<pad>', '</s>', '<unk>'].map((t, id) => added(id, t, true)), added(262, '[GEN]', false)],
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
    post_processor: {
      ...{ type: 'RobertaProcessing', sep: ['</s>', 2], cls: ['<s>', 0], trim_offsets: true, add_prefix_space: false },
    },
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: { type: 'BPE', vocab, merges: ['h i', 'Ġ hi'], unk_token: '<unk>' },
  }
}

json('encodes, decodes and streams a byte-level BPE', async () => {
  const bart = await Tokenizer.load(folder({ 'tokenizer.json': byteLevel() }))
  assert.equal(await bart.encode('hi hi[GEN]'), [0, 260, 261, 262, 2])
  assert.equal([bart.padId, bart.eosId, bart.baseVocabSize, bart.vocabSize], [1, 2, 262, 263])
  const text = 'hi hi, “hé” 😀 hi\n'
  const ids = await bart.encode(text)
  assert.is(bart.decode(ids), text)
  const stream = bart.stream()
  assert.equal([...[0, 260, 261, 261].map((id) => stream.push(id)), stream.end()], ['', '', 'hi', ' hi', ' hi'])
  const pieces = bart.stream()
  assert.is(ids.map((id) => pieces.push(id)).join('') + pieces.end(), text)
})

json('blenderbot_small’s own files go before a tokenizer.json beside them', async () => {
  const files = { 'vocab.json': SMALL, 'merges.txt': 'h i</w>\n', 'tokenizer.json': byteLevel() }
  assert.is((await Tokenizer.load(folder(files))).clsId, 25)
  assert.is((await Tokenizer.load(folder({ ...files, 'vocab.json': { a: 0 } }))).vocabSize, 263)
})

json('what is missing is said when it is asked for', async () => {
  const bart = await Tokenizer.load(folder({ 'tokenizer.json': byteLevel() }))
  assert.throws(() => bart.clsId, /has no token \[CLS\]/)
  assert.throws(() => bart.strategyIds, /has no token \[Question\]/)
  await refused(() => bart.decode([263]), /cannot decode id 263/)
})

json('a file that is not one is refused', async () => {
  const text = readFileSync(fixture('tokenizer', 'vocab.json'), 'utf8').slice(0, 1000)
  for (const content of [text, '{}', '[]', '{"model": {"type": "Magic"}}', '']) {
    await refused(() => Tokenizer.load(folder({ 'tokenizer.json': content })), /tokenizer\.json: not a tokenizer\.json/)
  }
  const empty = {
    ...byteLevel(),
    added_tokens: [],
    post_processor: null,
    model: { type: 'BPE', vocab: {}, merges: [] },
  }
  await refused(() => Tokenizer.load(folder({ 'tokenizer.json': empty })), /tokenizer\.json: its model has no tokens/)
})

json('what cuts and fills up a text is for the caller to say: a batch gives what single texts give', async () => {
  const padding = { strategy: { Fixed: 2 ** 32 }, direction: 'Right', pad_id: 1, pad_type_id: 0, pad_token: '<pad>' }
  const truncation = { max_length: 2, strategy: 'LongestFirst', stride: 0, direction: 'Right' }
  const files = { 'tokenizer.json': { ...byteLevel(), padding: { ...padding, pad_to_multiple_of: null }, truncation } }
  const bart = await Tokenizer.load(folder(files))
  assert.equal(await bart.encodeBatch(['hi', 'hi hi hi']), [
    [0, 260, 2],
    [0, 260, 261, 261, 2],
  ])
})

json('a text that the model cannot encode is refused', async () => {
  const model = { type: 'WordLevel', vocab: { a: 0 }, unk_token: 'x' }
  const words = { ...byteLevel(), added_tokens: [], post_processor: null, pre_tokenizer: { type: 'Whitespace' }, model }
  const tokenizer = await Tokenizer.load(folder({ 'tokenizer.json': words }))
  assert.equal(await tokenizer.encode('a a'), [0, 0])
  await refused(() => tokenizer.encode('a b'), /tokenizer\.json: cannot encode a text \(.*Missing/)
})

json.run()
