import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { mentionsCrisis, seekerMentionsCrisis } from '../../src/text/crisis.js'

const crisis = suite('crisis')

crisis('suicide, self-harm and violence, in common spellings', () => {
  for (const text of [
    'i want to kill myself',
    'I WANT TO KILL MY SELF!!!',
    'thinking of killing my self',
    'kill myslef',
    'k1ll myself',
    'kms',
    'just gonna kms tbh',
    'they told me to kys',
    'i might unalive myself',
    'un-alive',
    'I am suicidal',
    'commiting sucide',
    'su*cide',
    's*icide',
    'su\u00efcide',
    'sui\u200bcide',
    'ｓｕｉｃｉｄｅ',
    'I wish I was dead',
    'i wanna die',
    'i just feel like dying',
    'I\u2019d rather be dead',
    'I don’t want to live anymore',
    'i do not really want to be here',
    'i dont want to wake up',
    'i hope i never wake up',
    'They are better off without me.',
    'there is no reason to live',
    'im going to end my life',
    'end it all',
    'I keep\ncutting\nmyself',
    'i cut my wrists',
    'self-harm',
    'self harming again',
    'i overdosed last year',
    'i took all my pills',
    'standing here about to jump off a bridge',
    'i could kill him',
    'I am going to kill my ex wife',
    'i am afraid i will hurt my kids',
    'he hits me',
    'my boyfriend said he will kill me',
    'my dad beats me when he drinks',
    'i was raped',
    'he is physically abusive',
    'I would never kill myself', // negations are not parsed
  ]) {
    assert.is(mentionsCrisis(text), true, text)
  }
})

crisis('what only sounds like it', () => {
  for (const text of [
    '',
    'i feel so alone and sad',
    'my phone died',
    'my grandmother died last week and i miss her',
    'this job is killing me',
    'just killing time',
    'i ran 5 kms today',
    'i live in Texas and i dont like to live alone in it',
    'he broke up with me and it hurts',
    'that takes some pressure off myself',
    'i want to diet',
    'better off with a new job',
    'i am a skilled worker',
    'she hit the books',
  ]) {
    assert.is(mentionsCrisis(text), false, text)
  }
})

crisis('of a dialogue: the situation and all that the seeker said, not the supporter', () => {
  const seeker = (text: string) => ({ speaker: 'seeker' as const, text })
  const supporter = (text: string) => ({ speaker: 'supporter' as const, text })
  const dire = 'i want to kill myself'
  assert.is(seekerMentionsCrisis({ dialogue: [seeker(dire), supporter('Why?'), seeker('so')] }), true)
  assert.is(seekerMentionsCrisis({ dialogue: [seeker('hi')], situation: dire }), true)
  assert.is(seekerMentionsCrisis({ dialogue: [seeker('hi'), supporter(dire), seeker('so')] }), false)
  // Phrases do not run on from one utterance to the next.
  assert.is(seekerMentionsCrisis({ dialogue: [seeker('i want to'), seeker('die')] }), false)
})

crisis('of a very long dialogue only the newest 100,000 characters are looked at', () => {
  const saidAt = (place: number) => {
    const dialogue = Array.from({ length: 10_000 }, (_, i) => ({
      speaker: 'seeker' as const,
      text: (i === place ? 'i want to die ' : 'i am so sad ').padEnd(1000, '.'),
    }))
    return seekerMentionsCrisis({ dialogue })
  }
  assert.equal([saidAt(9_999), saidAt(9_900), saidAt(9_899), saidAt(0)], [true, true, false, false])
})

crisis.run()
