import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { makeTurn } from '../../src/bench/turns.js'
import { lastSeekerPost, parseDialogue } from '../../src/text/dialogue.js'

const turns = suite('bench/turns')

turns('have as many words as asked for, end with the seeker, and are the same for the same seed', () => {
  for (const words of [30, 31, 200, 512]) {
    const turn = parseDialogue(makeTurn(7, 3, words))
    assert.is(turn.dialogue.flatMap(({ text }) => text.split(' ')).length, words)
    assert.is(turn.dialogue.at(-1)!.speaker, 'seeker')
    assert.equal(makeTurn(7, 3, words), turn)
    assert.not.equal(makeTurn(8, 3, words), turn)
  }
  assert.is(makeTurn(7, 3, 1).dialogue.length, 1)
})

turns('ask a COMET nothing twice', () => {
  const made = Array.from({ length: 500 }, (_, turn) => makeTurn(1, turn, 50))
  const asked = made.flatMap(({ dialogue, situation }) => [lastSeekerPost(dialogue)!, situation!])
  assert.is(new Set(asked).size, 1000)
})

turns.run()
