import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { InputError } from '../../src/errors.js'
import {
  type GenerationOptions,
  optionNames,
  optionTable,
  resolveOptions,
  snakeCase,
} from '../../src/generation/options.js'

const options = suite('generation options')

const fails = (run: () => unknown, ...words: (string | RegExp)[]) =>
  assert.throws(run, (error: Error) => {
    assert.instance(error, InputError)
    for (const word of words) assert.match(error.message, word)
    assert.not.match(error.message, '\n')
    return true
  })

options('defaults are the paper’s, and the seed is fresh', () => {
  const { seed, ...rest } = resolveOptions()
  assert.equal(rest, {
    doSample: true,
    temperature: 0.7,
    topK: 30,
    topP: 0.3,
    repetitionPenalty: 1.03,
    noRepeatNgramSize: 3,
    minLength: 5,
    maxLength: 512,
    penalizeContext: false,
    numBeams: 1,
    lengthPenalty: 1,
    earlyStopping: false,
    numReturnSequences: 1,
  })
  assert.is.not(resolveOptions().seed, seed)
})

options('later layers win, undefined changes nothing', () => {
  const resolved = resolveOptions({ topP: 0.9, topK: 5 }, undefined, { topP: 0.5, topK: undefined, seed: 2 ** 53 - 1 })
  assert.is(resolved.topP, 0.5)
  assert.is(resolved.topK, 5)
  assert.is(resolved.seed, 2 ** 53 - 1)
})

options('maxNewTokens leaves out the start id, and the later of the two lengths wins', () => {
  assert.is(resolveOptions({ maxNewTokens: 8 }).maxLength, 9)
  assert.is(resolveOptions({ maxNewTokens: 8, maxLength: 100 }).maxLength, 9)
  assert.is(resolveOptions({ maxNewTokens: 8 }, { maxLength: 100 }).maxLength, 100)
  assert.is(resolveOptions({ maxLength: 100 }, { maxNewTokens: 8 }).maxLength, 9)
  assert.not.ok('maxNewTokens' in resolveOptions({ maxNewTokens: 8 }))
})

options('an unknown option throws and names the one meant', () => {
  const unknown = (name: string) => () => resolveOptions({ [name]: 1 } as GenerationOptions)
  fails(unknown('topp'), '"topp"', 'did you mean topP')
  fails(unknown('top_k'), 'did you mean topK')
  fails(unknown('repetitonPenalty'), 'did you mean repetitionPenalty')
  fails(unknown('typicalP'), 'there are doSample, temperature')
  fails(unknown('toString'), '"toString"')
})

options('a value out of range throws and says what is allowed', () => {
  const value = (name: string, it: unknown) => () => resolveOptions({ [name]: it } as GenerationOptions)
  for (const it of [Number.NaN, Infinity, -1, '0.7', null]) {
    fails(value('temperature', it), 'temperature must be a number above 0, got')
  }
  fails(value('temperature', 0), 'turn doSample off')
  for (const it of [0, -0.1, 1.5, Number.NaN]) fails(value('topP', it), 'topP must be a number above 0 and at most 1')
  for (const it of [-1, 2.5, Number.NaN, 2 ** 32]) fails(value('topK', it), 'topK must be a whole number at least 0')
  for (const it of [0, -2]) fails(value('repetitionPenalty', it), 'repetitionPenalty')
  for (const it of [1, 0, 7.5]) fails(value('maxLength', it), 'maxLength')
  for (const it of [-1, 0.5, 2 ** 53]) fails(value('seed', it), 'seed')
  for (const it of [1, 'true', null]) fails(value('doSample', it), 'doSample must be true or false')
})

options('what only sampling uses counts for nothing where nothing is sampled', () => {
  const greedy = resolveOptions({ doSample: false, seed: 1 })
  for (const off of [{ temperature: 0 }, { topP: 0 }, { topK: -1 }, { topP: 0.9 }, { temperature: Number.NaN }]) {
    assert.equal(resolveOptions({ doSample: false, seed: 1, ...off }), greedy)
    assert.equal(resolveOptions(off, { doSample: false, seed: 1 }), greedy)
  }
  fails(() => resolveOptions({ doSample: false, temperature: 0 }, { doSample: true }), 'temperature must be')
  fails(() => resolveOptions({ doSample: false, minLength: -1 }), 'minLength must be')
})

options('beams draw nothing at random: of beams and sampling, what was asked for later turns the other off', () => {
  const of = (...layers: GenerationOptions[]) => {
    const { doSample, numBeams, numReturnSequences } = resolveOptions(...layers)
    return [doSample, numBeams, numReturnSequences]
  }
  assert.equal(of({ numBeams: 5 }), [false, 5, 1])
  assert.equal(of({ numBeams: 1 }), [true, 1, 1])
  assert.equal(of({ doSample: false, numBeams: 5, numReturnSequences: 5 }), [false, 5, 5])
  // A model's file, then the caller.
  assert.equal(of({ doSample: true, temperature: 0.7 }, { numBeams: 5 }), [false, 5, 1])
  assert.equal(of({ doSample: false, numBeams: 5, numReturnSequences: 4 }, { doSample: true }), [true, 1, 1])
  assert.equal(of({ doSample: false, numBeams: 5, numReturnSequences: 4 }, { numBeams: 2 }), [false, 2, 2])
  assert.equal(of({ doSample: false, numBeams: 5 }, { numBeams: 1 }), [false, 1, 1])
  assert.equal(of({ doSample: false, temperature: 0 }, { numBeams: 5 }), [false, 5, 1])
  assert.equal(of({ numBeams: 5 }, { doSample: false, temperature: 0 }), [false, 5, 1])
  const resolved = resolveOptions({ numBeams: 5, numReturnSequences: 2 })
  assert.equal(resolveOptions(resolved), resolved)
})

options('options that contradict each other throw and name both', () => {
  const of =
    (...layers: GenerationOptions[]) =>
    () =>
      resolveOptions(...layers)
  fails(of({ doSample: true, numBeams: 5 }), /^doSample true and numBeams 5 contradict each other: a beam search draws/)
  for (const random of [{ temperature: 0.5 }, { topK: 3 }, { topP: 0.9 }]) {
    const words = new RegExp(`^${Object.keys(random)[0]} and numBeams 2 contradict each other`)
    fails(of({ numBeams: 2, ...random }), words)
    fails(of({ numBeams: 2 }, random), words)
    fails(of({ doSample: true }, { numBeams: 2, ...random }), words)
    assert.not.throws(of(random, { numBeams: 2 }))
    assert.not.throws(of({ numBeams: 1, ...random }))
  }
  const more = /^numReturnSequences 4 is more than numBeams \d: there are as many replies as beams at most/
  fails(of({ numBeams: 3, numReturnSequences: 4 }), more)
  fails(of({ numBeams: 3 }, { numReturnSequences: 4 }), more)
  fails(of({ numReturnSequences: 4 }), more)
  fails(of({ numBeams: 5 }, { doSample: true, numReturnSequences: 4 }), more)
  for (const numBeams of [0, 1.5, 129, '5'])
    fails(of({ numBeams } as GenerationOptions), 'numBeams must be a whole number')
  for (const lengthPenalty of [17, Number.NaN])
    fails(of({ lengthPenalty }), 'lengthPenalty must be a number at least -16')
})

options('every option has help, and every default is allowed', () => {
  for (const name of optionNames) assert.ok(optionTable[name].help)
  assert.not.throws(() => resolveOptions(resolveOptions()))
  assert.equal(optionNames.map(snakeCase).slice(0, 6), [
    'do_sample',
    'temperature',
    'top_k',
    'top_p',
    'repetition_penalty',
    'no_repeat_ngram_size',
  ])
})

options('a value that cannot be written as JSON is named all the same', () => {
  const deep = JSON.parse('['.repeat(20_000) + ']'.repeat(20_000))
  for (const topK of [deep, [5n], { a: 5n }]) {
    assert.throws(
      () => resolveOptions({ topK }),
      (error: Error) => error instanceof InputError && /topK must be a whole number/.test(error.message),
    )
  }
})

options.run()
