import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { InputError } from '../../src/errors.js'
import { parseGenerationConfig } from '../../src/generation/generation-config.js'
import { resolveOptions } from '../../src/generation/options.js'

const config = suite('generation_config.json')

const model = { vocabSize: 300, eosIds: [2], padId: 0, decoderStartId: 1 }
const parse = (json: unknown, file = 'f') => parseGenerationConfig(json, file, model)

const fails = (json: unknown, ...words: string[]) =>
  assert.throws(
    () => parse(json, 'm/generation_config.json'),
    (error: Error) => {
      assert.instance(error, InputError)
      for (const word of ['m/generation_config.json', ...words]) assert.match(error.message, word)
      return true
    },
  )

config('options are read by their own names, and what is not supported is told in one line', () => {
  const { options, rules, warnings } = parse(
    {
      _from_model_config: true,
      bos_token_id: 1,
      decoder_start_token_id: 1,
      early_stopping: true,
      eos_token_id: 2,
      forced_eos_token_id: 2,
      length_penalty: 0.65,
      max_length: 128,
      min_length: 20,
      no_repeat_ngram_size: 3,
      num_beam_groups: 2,
      num_beams: 10,
      num_return_sequences: 3,
      pad_token_id: 0,
      top_p: null,
      transformers_version: '4.27.0.dev0',
    },
    'generation_config.json',
  )
  assert.equal(options, {
    ...{ earlyStopping: true, lengthPenalty: 0.65, numBeams: 10, numReturnSequences: 3 },
    ...{ maxLength: 128, minLength: 20, noRepeatNgramSize: 3 },
    // Hugging Face samples only where a file says so.
    doSample: false,
  })
  assert.equal(rules, { decoderStartId: 1, padId: 0, eosIds: [2], forcedLast: [2], forbiddenRuns: [] })
  assert.equal(warnings, ['generation_config.json: replies are drawn without num_beam_groups 2'])
})

config('every key about single ids is a rule', () => {
  const { rules, warnings } = parse({
    bad_words_ids: [[5], [6, 7], [9], [9, 9]],
    suppress_tokens: [8, 9],
    begin_suppress_tokens: [220, 2],
    forced_bos_token_id: 4,
    forced_eos_token_id: [2, 9],
    eos_token_id: [2, 9, 2],
    pad_token_id: 3,
    decoder_start_token_id: 299,
  })
  assert.equal(rules, {
    decoderStartId: 299,
    padId: 3,
    eosIds: [2, 9],
    forcedFirst: [4],
    forcedLast: [2, 9],
    forbiddenFirst: [220, 2],
    // Of the bad words, what ends a reply is left out; of what is suppressed it is not.
    forbiddenRuns: [[8], [9], [5], [6, 7], [9, 9]],
  })
  assert.equal(warnings, [])
  assert.equal(parse({ bad_words_ids: [[2], [5]] }).rules, { forbiddenRuns: [[5]] })
})

config('an id is one of the vocabulary, and lists are bounded', () => {
  for (const key of ['eos_token_id', 'pad_token_id', 'decoder_start_token_id', 'forced_bos_token_id']) {
    for (const bad of [300, -1, 1.5, '2', true, false, {}]) {
      fails({ [key]: bad }, `: ${key} must be an id`, ' from 0 to 299, got ')
    }
  }
  fails({ eos_token_id: Array.from({ length: 65 }, (_, id) => id) }, 'an id or a list of 1 to 64 ids from 0 to 299')
  fails({ eos_token_id: [2, 5000] }, 'eos_token_id must be', 'got [2,5000]')
  fails({ pad_token_id: [0] }, 'pad_token_id must be an id from')
  for (const key of ['suppress_tokens', 'begin_suppress_tokens']) {
    for (const bad of [7, [300], [[1]], new Array(40_000).fill(1)])
      fails({ [key]: bad }, `${key} must be a list of at most`)
  }
  for (const bad of [
    [5],
    [[5, 300]],
    [[]],
    'word',
    [['word']],
    [new Array(20_000).fill(1), new Array(20_000).fill(1)],
  ]) {
    fails({ bad_words_ids: bad }, 'bad_words_ids must be a list of lists of ids')
  }
})

config('what changes nothing is not worth a word', () => {
  const json = { num_beam_groups: 1, diversity_penalty: 0, bad_words_ids: null, use_cache: true }
  const nothing = { ...json, suppress_tokens: [], eos_token_id: null, bos_token_id: 7 }
  assert.equal(parse(nothing), { options: {}, rules: {}, warnings: [] })
})

config('names in camelCase are not the format’s', () => {
  assert.equal(parse({ topP: 0.5 }), {
    options: {},
    rules: {},
    warnings: ['f: replies are drawn without topP 0.5'],
  })
})

config('a bad value names file and key', () => {
  fails({ top_p: 7 }, 'm/generation_config.json: top_p must be', 'got 7')
  fails({ do_sample: 'yes' }, ': do_sample must be true or false, got "yes"')
  for (const json of [[], null, 3, 'x']) fails(json, ' must hold a JSON object')
})

config('values that only sampling uses are not checked where nothing is sampled', () => {
  for (const off of [{ temperature: 0 }, { top_p: 0 }, { top_k: -1, temperature: 0, top_p: 1.5 }]) {
    const { options } = parse({ do_sample: false, ...off })
    assert.equal(resolveOptions(options, { seed: 1 }), resolveOptions({ doSample: false, seed: 1 }))
    fails({ do_sample: true, ...off }, Object.keys(off)[0]!, ' must be ')
    fails(off, Object.keys(off)[0]!, ' must be ')
    assert.throws(() => resolveOptions(options, { doSample: true }), / must be /)
    assert.not.throws(() => resolveOptions(options, { doSample: true, temperature: 1, topP: 1, topK: 0 }))
  }
  fails({ do_sample: false, min_length: -1 }, 'min_length must be')
})

config('beams beside what only sampling uses', () => {
  const random = { temperature: 0, top_p: 0.9 }
  const { options, warnings } = parse({ num_beams: 4, ...random })
  assert.equal([options.numBeams, options.doSample, warnings], [4, false, []])
  assert.equal(resolveOptions(options).numBeams, 4)
  assert.is(resolveOptions(options, { doSample: true, temperature: 1 }).topP, 0.9)
  fails({ num_beams: 4, do_sample: true }, 'do_sample true and ', 'num_beams 4 contradict each other')
  fails({ num_beams: 4, num_return_sequences: 5 }, 'num_return_sequences 5 is more than ', 'num_beams 4: ')
  fails({ num_beams: 0 }, 'num_beams must be a whole number at least 1')
  fails({ early_stopping: 'never' }, 'early_stopping must be true or false, got "never"')
  // Several at random: each reply is drawn alone.
  const several = parse({ do_sample: true, num_return_sequences: 3 })
  assert.equal(several.options, { doSample: true })
  assert.equal(several.warnings, ['f: replies are drawn without num_return_sequences 3'])
})

config('a warning is one line, whatever a key is called', () => {
  const { warnings } = parseGenerationConfig({ 'a\nb': 5 }, 'file', {
    vocabSize: 9,
    eosIds: [2],
    padId: 0,
    decoderStartId: 1,
  })
  assert.equal(warnings, ['file: replies are drawn without "a\\nb" 5'])
})

config.run()
