import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { drawnAgain } from '../../src/cli/again.js'
import { resolveOptions } from '../../src/generation/options.js'

const test = suite('cli/again')
const again = (model: string | undefined, flags: object, options: object) =>
  drawnAgain(model, { ...flags }, { options: resolveOptions({ seed: 5, ...options }), dtype: 'f16' })

test('every option is said, words as a shell reads them', () => {
  const command = again(
    `it's a model`,
    { strategy: 'Providing Suggestions', comet: false },
    { topK: 7, doSample: true },
  )
  assert.match(
    command,
    /^misc generate 'it'\\''s a model' --input FILE --dtype f16 --no-comet --strategy 'Providing Suggestions' /,
  )
  assert.match(command, / --top-k 7 .* --seed 5/)
  assert.ok(command.includes(' --do-sample '))
})

test('what only sampling uses is left out where nothing is sampled, as it contradicts beams', () => {
  const greedy = again(undefined, {}, { doSample: false })
  assert.match(greedy, /^misc generate --input FILE --dtype f16 --no-do-sample /)
  const beams = again(undefined, {}, { numBeams: 3 })
  assert.match(beams, / --num-beams 3 /)
  for (const command of [greedy, beams]) assert.not.match(command, /temperature|top-/)
  assert.not.match(beams, /do-sample/)
})

test.run()
