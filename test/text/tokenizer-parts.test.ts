import { suite } from 'uvu'
import { checkTokenizerParts } from '../../src/text/tokenizer-parts.js'
import { refused } from '../throws.js'

const parts = suite('text/tokenizer-parts')

const check = (json: unknown) => checkTokenizerParts(json, 'tokenizer.json')
const text = { Sequence: { id: 'A', type_id: 0 } }
const special = { SpecialToken: { id: '[CLS]', type_id: 0 } }
const template = { type: 'TemplateProcessing', single: [special, text], pair: [special, text] }
const described = { ...template, special_tokens: { '[CLS]': { id: '[CLS]', ids: [1], tokens: ['[CLS]'] } } }

parts('what the families of models are made of is taken', () => {
  check({ normalizer: null, pre_tokenizer: { type: 'ByteLevel' }, decoder: { type: 'WordPiece', prefix: '##' } })
  check({ normalizer: { type: 'Sequence', normalizers: [{ type: 'NFC' }, { type: 'Lowercase' }] } })
  check({ pre_tokenizer: { type: 'Split', pattern: { String: ' ' }, behavior: 'Isolated' }, post_processor: described })
  check({ model: { type: 'WordPiece', continuing_subword_prefix: '##', vocab: {} } })
  check({ model: { type: 'BPE', vocab: { a: 0, b: 1, ab: 2 }, merges: ['a b', ['a', 'b']] } })
})

// Each of them ended the process, while it was loaded or at the first text.
for (const [place, part] of [
  ['normalizer', { type: 'Precompiled', precompiled_charsmap: 'AAAA' }],
  ['normalizer', { type: 'Sequence', normalizers: [{ type: 'Precompiled', precompiled_charsmap: '' }] }],
  ['pre_tokenizer', { type: 'Split', pattern: { Regex: '(a+)+$' }, behavior: 'Isolated', invert: false }],
  ['pre_tokenizer', { type: 'FixedLength', length: 0 }],
  ['post_processor', { ...template, special_tokens: {} }],
  ['post_processor', { type: 'Sequence', processors: [template] }],
  ['post_processor', { ...described, single: [{ Sequence: { id: 'B', type_id: 0 } }] }],
  ['decoder', { type: 'Strip', content: 'a', start: 0, stop: 5 }],
] as const) {
  parts(`refused: ${place} ${JSON.stringify(part)}`, () =>
    refused(() => check({ [place]: part }), new RegExp(`^tokenizer\\.json: its ${place} is .*the parts are `)),
  )
}

parts('refused: merges that the package cannot put together', async () => {
  const vocab = { a: 0, b: 1 }
  for (const model of [
    { type: 'BPE', vocab, merges: ['a b'] },
    { vocab, merges: [['a', 'b']] },
    { type: 'BPE', vocab: { ...vocab, ab: 2 }, merges: ['a b'], continuing_subword_prefix: 'xxx' },
  ]) {
    await refused(() => check({ model }), /its model has a continuing_subword_prefix, or merges to tokens/)
  }
})

parts.run()
