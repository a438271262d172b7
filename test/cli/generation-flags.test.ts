import { Command } from 'commander'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { generationFlags, generationOptions } from '../../src/cli/generation-flags.js'
import { InputError } from '../../src/errors.js'
import { optionNames, optionTable } from '../../src/generation/options.js'

const flags = suite('generation flags')

function parse(...args: string[]) {
  const command = new Command('test').exitOverride().option('--json')
  for (const option of generationFlags()) command.addOption(option)
  return generationOptions(command.parse(args, { from: 'user' }).opts())
}

flags('no flag sets nothing', () => {
  assert.equal(parse('--json'), {})
})

flags('every option has a flag', () => {
  const args = { temperature: '0.5', topP: '0.9', repetitionPenalty: '1.2' }
  for (const name of optionNames) {
    const flag = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
    const text = args[name as keyof typeof args] ?? (optionTable[name].type === 'boolean' ? 'false' : '7')
    assert.equal(parse(flag, text), { [name]: JSON.parse(text) })
  }
})

flags('those of some options alone, with defaults of their own', () => {
  const some = generationFlags({ numBeams: 5, earlyStopping: true, maxNewTokens: undefined })
  assert.equal(
    some.map(({ long, hidden }) => [long, hidden]),
    [
      ['--num-beams', false],
      ['--early-stopping', false],
      ['--no-early-stopping', true],
      ['--max-new-tokens', false],
    ],
  )
  assert.match(some[0]!.description, /\(default 5\)$/)
  assert.not.match(some.at(-1)!.description, /default/)
})

flags('switches can stand alone, be negated, or say true or false', () => {
  assert.equal(parse('--do-sample'), { doSample: true })
  assert.equal(parse('--no-do-sample'), { doSample: false })
  assert.equal(parse('--do-sample', 'false', '--penalize-context', 'true'), { doSample: false, penalizeContext: true })
})

flags('what only sampling uses is not checked where the flags turn it off', () => {
  const given = ['--temperature', '0', '--top-p', '0', '--top-k', '-1']
  assert.equal(parse('--no-do-sample', ...given), { doSample: false, temperature: 0, topP: 0, topK: -1 })
  assert.throws(() => parse(...given), /^--temperature must be a number above 0, got 0/)
  assert.throws(() => parse('--no-do-sample', '--min-length', '-1'), /^--min-length must be a whole number/)
})

flags('a bad value names the flag', () => {
  const fails = (words: string, ...args: string[]) =>
    assert.throws(
      () => parse(...args),
      (error: Error) => error instanceof InputError && error.message.startsWith(words),
    )
  fails('--top-p must be a number above 0 and at most 1, got 1.5', '--top-p', '1.5')
  fails('--top-k must be a whole number at least 0', '--top-k', '2.5')
  fails('--temperature must be a number above 0, got "warm"', '--temperature', 'warm')
  fails('--seed must be a whole number', '--seed', '')
  fails('--do-sample must be true or false, got "maybe"', '--do-sample', 'maybe')
})

flags('flags that contradict each other are told by their names', () => {
  const fails = (words: RegExp, ...args: string[]) => assert.throws(() => parse(...args), words)
  fails(/^--do-sample true and --num-beams 5 contradict each other: /, '--do-sample', '--num-beams', '5')
  fails(/^--top-k and --num-beams 5 contradict each other: /, '--top-k', '7', '--num-beams', '5')
  fails(/^--num-return-sequences 6 is more than --num-beams 5: /, '--num-return-sequences', '6', '--num-beams', '5')
  assert.equal(parse('--num-beams', '5', '--no-do-sample', '--top-k', '7'), { numBeams: 5, doSample: false, topK: 7 })
})

flags.run()
