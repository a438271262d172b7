import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ADDED_TOKENS, RELATIONS } from '../../src/text/strategies.js'
import { Tokenizer } from '../../src/text/tokenizer.js'
import { filesFolder } from '../files-folder.js'
import { refused } from '../throws.js'

const added = suite('text/added-tokens')
const SMALL = { __null__: 0, __start__: 1, __end__: 2, __unk__: 3, __newln__: 4, hi: 5, 'h@@': 6, i: 7 }
const N = 8

/** A tokenizer folder with a small vocabulary and these files. */
const folder = (files: Record<string, unknown>) =>
  filesFolder({ 'vocab.json': SMALL, 'merges.txt': 'h i</w>\n', ...files })

/** MISC's tokens, [CLS] first, the others backwards, two of them as BlenderBot-Joint spells them. */
const NAMES = [...ADDED_TOKENS].reverse().map((name) => {
  return name === '[Question]' ? '[Questions]' : name === '[Others]' ? '[Other]' : name
})
const ids = (first = N) => Object.fromEntries(NAMES.map((name, index) => [name, first + index]))
const entry = (content: string, special = false) => ({
  ...{ content, special, lstrip: false, rstrip: false, single_word: false, normalized: true },
})
const decoder = (first = N) => Object.fromEntries(NAMES.map((name, index) => [first + index, entry(name)]))
const tokenizerJson = (first = N, tokens = SMALL as Record<string, number>) => ({
  version: '1.0',
  added_tokens: NAMES.map((name, index) => ({ id: first + index, ...entry(name), normalized: false })),
  pre_tokenizer: { type: 'WhitespaceSplit' },
  model: { type: 'BPE', vocab: tokens, merges: [], unk_token: '__unk__' },
})

/** [CLS], the strategies and the relations where {@link NAMES} puts them. */
function assertOrder(tokenizer: Tokenizer, first = N): void {
  assert.equal([tokenizer.baseVocabSize, tokenizer.vocabSize, tokenizer.clsId], [N, first + 18, first])
  assert.equal(
    tokenizer.strategyIds,
    ADDED_TOKENS.slice(0, 8).map((_, index) => first + 17 - index),
  )
  assert.equal(
    RELATIONS.map((name) => tokenizer.relationIds[name]),
    RELATIONS.map((_, index) => first + 9 - index),
  )
}

for (const [name, content] of [
  ['added_tokens.json', ids],
  [
    'tokenizer_config.json',
    (first: number) => ({ added_tokens_decoder: { 0: entry('__null__', true), ...decoder(first) } }),
  ],
  ['tokenizer.json', tokenizerJson],
] as const) {
  added(`${name} says which ids the added tokens have`, async () => {
    for (const first of [N, 64]) {
      const tokenizer = await Tokenizer.load(folder({ [name]: content(first) }))
      assertOrder(tokenizer, first)
      assert.equal(await tokenizer.encode('[CLS]hi [xReact] [Questions]'), [first, 5, first + 5, first + 17])
      assert.is(tokenizer.decode([first, 5, first + 17]), 'hi [Questions]')
    }
  })
}

added('all three at once, as long as they agree', async () => {
  const files = {
    'added_tokens.json': ids(),
    'tokenizer_config.json': { added_tokens_decoder: decoder() },
    'tokenizer.json': tokenizerJson(),
  }
  assertOrder(await Tokenizer.load(folder(files)))
})

added('a tokenizer.json alone: ids are the file’s, though the package numbers them on its own', async () => {
  const path = folder({ 'tokenizer.json': tokenizerJson(64, { a: 0, b: 1, __unk__: 2 }), 'vocab.json': { a: 0 } })
  const tokenizer = await Tokenizer.load(path)
  assert.equal([tokenizer.baseVocabSize, tokenizer.vocabSize, tokenizer.clsId], [3, 82, 64])
  assert.is(tokenizer.strategyIds[0], 81)
  assert.equal(await tokenizer.encode('a [CLS] b [Questions]'), [0, 64, 1, 81])
  assert.is(tokenizer.decode([0, 64, 81]), 'a [CLS] [Questions]')
  // What the package itself calls [CLS].
  await refused(() => tokenizer.decode([3]), /cannot decode id 3/)
})

added('where files say nothing of a token, it has its usual place', async () => {
  const none = { 'added_tokens.json': {}, 'tokenizer_config.json': { model_max_length: 512 } }
  assert.equal((await Tokenizer.load(folder(none))).strategyIds, [8, 9, 10, 11, 12, 13, 14, 15])
  const swapped = { 'added_tokens.json': { '[Others]': N, '[Question]': N + 4, '[GEN]': N + 18 } }
  const tokenizer = await Tokenizer.load(folder(swapped))
  assert.equal(tokenizer.strategyIds, [12, 9, 10, 11, 8, 13, 14, 15])
  assert.equal([tokenizer.clsId, tokenizer.vocabSize], [25, 27])
  assert.equal(await tokenizer.encode('hi[GEN]'), [5, 26])
})

added('a special token is not decoded; of two that fit the longer one is found', async () => {
  const tokens = { 26: entry('[G]', true), 27: entry('[G]!') }
  const tokenizer = await Tokenizer.load(folder({ 'tokenizer_config.json': { added_tokens_decoder: tokens } }))
  assert.equal(await tokenizer.encode('[G]hi[G]!'), [26, 5, 27])
  assert.is(tokenizer.decode([26, 5, 27]), 'hi [G]!')
})

added('files that contradict each other are refused, both named', async () => {
  const decoderOf = (tokens: object) => ({ added_tokens_decoder: tokens })
  const cases: [Record<string, unknown>, ...RegExp[]][] = [
    [
      { 'added_tokens.json': { '[CLS]': N }, 'tokenizer_config.json': decoderOf({ 9: entry('[CLS]') }) },
      /added_tokens\.json gives "\[CLS\]" id 8/,
      /tokenizer_config\.json gives "\[CLS\]" id 9/,
    ],
    [
      { 'added_tokens.json': { '[Question]': N }, 'tokenizer.json': tokenizerJson() },
      /added_tokens\.json gives "\[Question\]" id 8/,
      /tokenizer\.json gives "\[/,
    ],
    [
      { 'added_tokens.json': { '[CLS]': 5 } },
      /vocab\.json gives "hi" id 5, but added_tokens\.json gives "\[CLS\]" id 5/,
    ],
    [{ 'added_tokens.json': { hi: N } }, /vocab\.json gives "hi" id 5, but added_tokens\.json gives "hi" id 8/],
    [{ 'added_tokens.json': { '[CLS]': N, '[Others]': N } }, /"\[CLS\]" id 8, but .* "\[Others\]" id 8/],
    [{ 'added_tokens.json': { '[Others]': N, '[Other]': N + 4 } }, /"\[Others\]" id 8, but .* "\[Other\]" id 12/],
    // BlenderBot-Joint's, which has no relations.
    [{ 'added_tokens.json': { '[CLS]': N + 8 } }, /"\[CLS\]" id 16, but the usual order.* gives "\[xAttr\]" id 16/],
    [
      { 'tokenizer.json': tokenizerJson(0, { a: 0, b: 1, __unk__: 2 }), 'vocab.json': { a: 0 } },
      /model gives "a" id 0/,
    ],
  ]
  for (const [files, ...patterns] of cases) await refused(() => Tokenizer.load(folder(files)), ...patterns)
})

added('what cannot be a token or an id is refused', async () => {
  const cases: [string, unknown, RegExp][] = [
    ['added_tokens.json', [], /added_tokens\.json: holds no JSON object/],
    ['added_tokens.json', '{', /added_tokens\.json: not JSON/],
    ['added_tokens.json', { '[CLS]': '8' }, /token "\[CLS\]" has id "8", expected an integer from 0/],
    ['added_tokens.json', { '[CLS]': -1 }, /id -1/],
    ['added_tokens.json', { '[CLS]': 8.5 }, /id 8\.5/],
    ['added_tokens.json', { '[CLS]': 2 ** 40 }, /id 1099511627776/],
    ['added_tokens.json', { '': 8 }, /expected a token with an id/],
    ['added_tokens.json', Object.fromEntries([...Array(10_001).keys()].map((i) => [`t${i}`, i])), /limit of 10000/],
    [
      'added_tokens.json',
      Object.fromEntries([...Array(300).keys()].map((i) => [`${i}${'x'.repeat(900)}`, i])),
      /added_tokens\.json: its added tokens have over 262144 characters in all/,
    ],
    ['tokenizer_config.json', { added_tokens_decoder: [1] }, /added_tokens_decoder is no JSON object/],
    ['tokenizer_config.json', { added_tokens_decoder: { 8: null } }, /expected a token with an id/],
    ['tokenizer_config.json', { added_tokens_decoder: { x: entry('[CLS]') } }, /id "x"/],
  ]
  for (const [name, content, pattern] of cases) {
    await refused(() => Tokenizer.load(folder({ [name]: content })), pattern, /from one checkpoint|correct or replace/)
  }
})

added.run()
