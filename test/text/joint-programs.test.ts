import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { JOINT_PROGRAMS, jointTokens } from '../../src/text/joint-programs.js'
import { ADDED_TOKENS, STRATEGIES } from '../../src/text/strategies.js'
import { Tokenizer } from '../../src/text/tokenizer.js'
import { namedTokens } from '../../src/text/vocabulary.js'
import { filesFolder } from '../files-folder.js'
import { refused } from '../throws.js'

const programs = suite('text/joint-programs')
const SMALL = { __null__: 0, __start__: 1, __end__: 2, __unk__: 3, __newln__: 4, hi: 5, 'h@@': 6, i: 7 }
const N = 8
const { codes, codes_zcj } = JOINT_PROGRAMS

/** A tokenizer folder that adds these tokens in this order. */
const folder = (tokens: readonly string[]) =>
  filesFolder({
    'vocab.json': SMALL,
    'merges.txt': 'h i</w>\n',
    'added_tokens.json': Object.fromEntries(tokens.map((token, i) => [token, N + i])),
  })
const programOf = async (tokens: readonly string[]) => jointTokens(await namedTokens(folder(tokens)), 'm')

programs('names and order tell which program a vocabulary is of', async () => {
  assert.equal(codes.tokens.slice(0, 5), [
    ...['[Questions]', '[Reflection of feelings]', '[Information]', '[Restatement or Paraphrasing]', '[Other]'],
  ])
  assert.is(codes_zcj.tokens[6], '[Information]')
  for (const { tokens, strategies } of [codes, codes_zcj]) {
    assert.equal([...strategies].sort(), [...STRATEGIES].sort())
    assert.is(new Set(tokens).size, 8)
  }
  assert.equal(await programOf(codes_zcj.tokens), { program: 'codes_zcj', firstStrategyId: N })
  assert.equal(await programOf([...codes.tokens, '[CLS]']), { program: 'codes', firstStrategyId: N })
  assert.equal(await programOf(['[x]', ...codes.tokens]), { program: 'codes', firstStrategyId: N + 1 })
})

programs('MISC’s vocabulary, and one without all strategies, is neither’s', async () => {
  assert.is(await programOf(ADDED_TOKENS), undefined)
  assert.is(await programOf([]), undefined)
  assert.is(await programOf(codes.tokens.slice(1)), undefined)
})

programs('another order or spelling is refused: it would draw other strategies than the model knows', async () => {
  const { tokens } = codes_zcj
  for (const wrong of [
    [...tokens].reverse(),
    ADDED_TOKENS.slice(0, 8),
    [...tokens.slice(0, 4), '[x]', ...tokens.slice(4)],
  ]) {
    await refused(() => programOf(wrong), /neither program of BlenderBot-Joint/)
  }
})

programs('a tokenizer of theirs has none of MISC’s tokens', async () => {
  const tokenizer = await Tokenizer.load(folder([...codes.tokens, '[CLS]']))
  assert.equal([tokenizer.baseVocabSize, tokenizer.vocabSize, tokenizer.clsId], [N, N + 9, N + 8])
  assert.equal(tokenizer.strategyIds, [8, 9, 10, 11, 12, 13, 14, 15])
  assert.is(tokenizer.idOf('[xReact]'), undefined)
  const other = await Tokenizer.load(folder(codes_zcj.tokens))
  assert.equal([other.vocabSize, other.strategyIds], [N + 8, [8, 10, 14, 9, 15, 11, 12, 13]])
})

programs.run()
