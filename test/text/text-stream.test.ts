import { readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Tokenizer } from '../../src/text/tokenizer.js'
import { fixture, readJsonLines } from '../fixtures.js'
import { randomIntegers } from '../random.js'

const tokenizer = await Tokenizer.load(fixture('tokenizer'))
const vocab: Record<string, number> = JSON.parse(readFileSync(fixture('tokenizer', 'vocab.json'), 'utf8'))
const tokens: string[] = []
for (const [token, id] of Object.entries(vocab)) tokens[id] = token
const stream = suite('text stream')

/** The decoder as model-spec §3 states it, on the whole at once. */
function decodeAtOnce(ids: number[]): string {
  const words = ids.filter((id) => id > 3).map((id) => tokens[id])
  let text = words.join(' ').replaceAll('@@ ', '')
  for (const mark of ['.', '?', '!', ',']) text = text.replaceAll(` ${mark}`, mark)
  text = text.replaceAll(" ' ", "'")
  for (const end of ["n't", "'m", "'s", "'ve", "'re"]) text = text.replaceAll(` ${end}`, end)
  return text
}

function streamed(ids: number[]): string[] {
  const pieces = tokenizer.stream()
  return [...ids.map((id) => pieces.push(id)), pieces.end()]
}

const idsOf = (words: string) => words.split(' ').map((word) => vocab[word]!)

stream('pieces joined are the decoded whole, for random ids', () => {
  const random = randomIntegers(3)
  // Half the ids are those that spacing depends on.
  const tricky = idsOf("' . , ! ? ( ) n t s m ve re i you n@@ r@@ ' ' __unk__ __end__ __newln__ don can")
  for (let round = 0; round < 3000; round++) {
    const ids = Array.from({ length: random(40) }, () =>
      random(2) ? tricky[random(tricky.length)]! : random(tokens.length),
    )
    const whole = decodeAtOnce(ids)
    assert.is(streamed(ids).join(''), whole, `ids ${ids}`)
    assert.is(tokenizer.decode(ids), whole)
  }
})

stream('what has come is a prefix of every continuation', async () => {
  for (const { text } of readJsonLines(fixture('text', 'tokenizer.jsonl'))) {
    const ids = await tokenizer.encode(String(text))
    const pieces = tokenizer.stream()
    let sofar = ''
    for (const [index, id] of ids.entries()) {
      sofar += pieces.push(id)
      for (const next of idsOf("hi . ' n")) {
        const other = tokenizer.decode([...ids.slice(0, index + 1), next])
        assert.ok(other.startsWith(sofar), `${JSON.stringify(sofar)} then ${JSON.stringify(other)}`)
      }
    }
  }
})

stream('a word comes with its last piece, at once', () => {
  assert.equal(streamed(idsOf('hello there .')), ['hello', ' there', '.', ''])
  assert.equal(streamed([...idsOf('super@@ cali@@'), vocab.bad!, 12]), ['', '', 'supercalibad', ' a', ''])
})

stream('an apostrophe waits for what follows', () => {
  assert.equal(streamed(idsOf("don ' t worry")), ['don', '', "'t", ' worry', ''])
  assert.equal(streamed(idsOf("you '")), ['you', '', " '"])
})

stream('half a word at the end comes as the decoder writes it', () => {
  assert.equal(streamed(idsOf('hello super@@')), ['hello', '', ' super@@'])
})

stream('a million pieces of one word take no quadratic time', () => {
  const id = idsOf('super@@')[0]!
  assert.is(tokenizer.decode(new Array(1_000_000).fill(id)).length, 5_000_002)
})

stream.run()
