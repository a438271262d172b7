import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { ADDED_TOKENS } from '../../src/text/strategies.js'
import { Tokenizer } from '../../src/text/tokenizer.js'
import { WordVocabulary } from '../../src/text/word-vocabulary.js'
import { GPT_TOKENS } from '../text/gpt-files.js'
import { vocabulary } from '../text/words-folder.js'
import { caseFolder, kindsOf } from './cases.js'
import { changed, edited, jsonOf, oddNumber, oddText } from './values.js'

const names = ['vocab.json', 'merges.txt', 'added_tokens.json', 'tokenizer_config.json', 'tokenizer.json'] as const
const tokenizers = kindsOf('tokenizers')
const folder = caseFolder()

const ids = (tokens: readonly string[]) => Object.fromEntries(tokens.map((token, id) => [token, id]))
const small = ids(['__null__', '__start__', '__end__', '__unk__', '__newln__', 'hi', 'h@@', 'i', 'a', '@@', '0'])
const bytes = ids(['<s>', '<pad>', '</s>', '<unk>', '<mask>', ...'hiaest', 'hi', 'Ġhi', 'Ġ'])
const added = { 11: { content: '[Question]', special: true }, 40: { content: '[GEN]', lstrip: true, rstrip: false } }
const usual = Object.fromEntries(ADDED_TOKENS.map((token, i) => [token, 11 + i]))

const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true }
const special = (id: string) => ({ SpecialToken: { id, type_id: 0 } })
const text = { Sequence: { id: 'A', type_id: 0 } }
const template = {
  ...{ type: 'TemplateProcessing', single: [special('<s>'), text], pair: [] },
  special_tokens: { '<s>': { id: '<s>', ids: [0], tokens: ['<s>'] } },
}
const padding = {
  strategy: 'BatchLongest',
  direction: 'Right',
  pad_to_multiple_of: null,
  pad_id: 0,
  pad_type_id: 0,
  pad_token: '<pad>',
}
const bpe = { type: 'BPE', vocab: bytes, merges: ['h i', 'Ġ hi'], unk_token: '<unk>', continuing_subword_prefix: '' }
/** Parts that the file may be made of, sound and not. */
const part = fc.constantFrom<unknown>(
  ...[
    byteLevel,
    { type: 'Whitespace' },
    { type: 'NFC' },
    { type: 'Metaspace', replacement: '_', prepend_scheme: 'first' },
    template,
  ],
  ...[
    { type: 'Split', pattern: { Regex: '(a+)+$' }, behavior: 'Isolated' },
    { type: 'FixedLength', length: 0 },
  ],
  ...[
    { type: 'Precompiled', precompiled_charsmap: 'AAAA' },
    { type: 'Strip', content: 'a', start: 0, stop: 5 },
  ],
  ...[{ type: 'Replace', pattern: { String: '' }, content: 'a' }, { type: 'Fuse' }, { type: 'BPEDecoder', suffix: '' }],
  ...[padding, { ...padding, strategy: { Fixed: 2 ** 32 } }, { max_length: 2, strategy: 'LongestFirst', stride: 5 }],
  ...[
    { type: 'WordLevel', vocab: { a: 0 }, unk_token: 'a' },
    { type: 'Unigram', vocab: [['a', -1]], unk_id: 0 },
  ],
)
const gen = { special: false, single_word: false, lstrip: false, rstrip: false, normalized: false }
const json = {
  ...{ version: '1.0', added_tokens: [{ id: 14, content: '[GEN]', ...gen }], truncation: null, padding: null },
  ...{ normalizer: null, pre_tokenizer: byteLevel, post_processor: template, decoder: byteLevel, model: bpe },
}

/** The files of each kind of folder. */
const sets: Partial<Record<(typeof names)[number], unknown>>[] = [
  { 'vocab.json': small, 'merges.txt': 'h i</w>\n', 'added_tokens.json': usual },
  {
    'vocab.json': small,
    'merges.txt': '#version: 0.2\nh i</w>\n',
    'tokenizer_config.json': { added_tokens_decoder: added },
  },
  { 'vocab.json': bytes, 'merges.txt': 'h i\nĠ hi\n', 'tokenizer_config.json': { add_prefix_space: true } },
  { 'vocab.json': ids(GPT_TOKENS), 'merges.txt': 'a t</w>\ne at</w>\n', 'added_tokens.json': {} },
  { 'vocab.json': vocabulary(['hi', 'a']) },
  { 'tokenizer.json': json },
  { 'tokenizer.json': json, 'added_tokens.json': { '[GEN2]': 50 } },
]
const textOf = (it: unknown) => (typeof it === 'string' ? it : jsonOf(it))
const files = fc.constantFrom(...sets).chain((set) =>
  fc.record(
    Object.fromEntries(
      Object.entries(set).map(([name, content]) => {
        const values = fc.constant(content)
        const odd = name === 'tokenizer.json' ? fc.oneof(part, oddText, oddNumber) : fc.oneof(oddText, oddNumber)
        const texts = fc.oneof(changed(values, odd), changed(values)).map(textOf)
        return [
          name,
          fc.oneof(
            { weight: 2, arbitrary: fc.constant(textOf(content)) },
            edited(typeof content === 'string' ? values.map(textOf) : texts),
          ),
        ]
      }),
    ),
  ),
)

tokenizers.add({
  name: 'a folder’s tokenizer gives ids of its own, and takes them back, or is refused',
  cases: fc.tuple(files, fc.array(oddText, { maxLength: 4 })),
  read: async ([files, texts]) => {
    for (const name of names) {
      const content = files[name]
      if (content === undefined) rmSync(join(folder, name), { force: true })
      else writeFileSync(join(folder, name), content)
    }
    const wordRefusal = await WordVocabulary.load(folder).then(
      ({ size }) => assert.ok(size >= 7),
      (error) => error,
    )
    assert.ok(wordRefusal === undefined || wordRefusal.name === 'InputError', String(wordRefusal?.stack))
    const tokenizer = await Tokenizer.load(folder)
    const { vocabSize } = tokenizer
    const batch = await tokenizer.encodeBatch(texts)
    for (const [i, ids] of batch.entries()) {
      for (const id of ids) assert.ok(Number.isInteger(id) && id >= 0 && id < vocabSize, `id ${id} of ${vocabSize}`)
      assert.equal(await tokenizer.encode(texts[i]!), ids)
      const stream = tokenizer.stream()
      assert.is(ids.map((id) => stream.push(id)).join('') + stream.end(), tokenizer.decode(ids))
    }
  },
  share: 1 / 2,
  sound: 1 / 10,
})

tokenizers.run()
