import { randomWord } from '../generation/random.js'
import type { DialogueInput, Utterance } from '../text/dialogue.js'

const events = [
  'i lost my job at the factory',
  'my best friend stopped talking to me',
  'i failed the exam that i had studied for',
  'my mother had to go to the hospital',
  'we had to move to another town',
  'my girlfriend broke up with me',
  'i had a fight with my sister about money',
  'my dog died after a long illness',
  'my boss gave my work to somebody else',
  'i could not pay the rent for this month',
]
const feelings = [
  'i feel like nobody cares about me',
  'i am so anxious that i can not sleep',
  'it makes me angry every time i think of it',
  'i do not know what to do next',
  'i keep thinking that it was my fault',
  'i am afraid that it will never get better',
  'i feel ashamed and can not talk about it',
]
const answers = [
  'i am sorry to hear that , it must be very hard for you .',
  'have you talked to anybody about how you feel ?',
  'what do you think would help you right now ?',
  'i would feel the same way if i were in your place .',
]

/** The same for the same seed. */
type Draw = <T>(from: readonly T[]) => T

/** What a seeker says; the number makes it another text than any other. */
const says = (draw: Draw, number: number): string => `${draw(events)} ${number} days ago , and ${draw(feelings)} .`

/**
 * A dialogue that ends with the seeker, and its situation: of common words, and for every turn another text.
 *
 * @param turn from 0
 * @param words that its utterances have in all, unless the last alone has more
 */
export function makeTurn(seed: number, turn: number, words: number): DialogueInput {
  // More than a turn draws.
  let drawn = turn * 10_000
  const draw: Draw = (from) => from[randomWord(seed, drawn++) % from.length]!
  const post = says(draw, 2 * turn + 2)
  const situation = says(draw, 2 * turn + 3)
  const dialogue: Utterance[] = [{ speaker: 'seeker', text: post }]
  let left = words - count(post)
  while (left > 0) {
    const seeker = dialogue[0]!.speaker === 'supporter'
    const text = (seeker ? says(draw, 1) : draw(answers)).split(' ').slice(-left).join(' ')
    dialogue.unshift({ speaker: seeker ? 'seeker' : 'supporter', text })
    left -= count(text)
  }
  return { dialogue, situation }
}

const count = (text: string): number => text.split(' ').length
