import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { DIALOGUE_LIMITS, lastSeekerPost, parseDialogue, parseInput } from '../../src/text/dialogue.js'
import { refused } from '../throws.js'

const dialogue = suite('dialogue')
const hi = { speaker: 'seeker', text: 'hi' }

dialogue('a full input comes back as it is', () => {
  const input = {
    situation: 'I lost my job',
    dialogue: [hi, { speaker: 'supporter', strategy: 'Self-disclosure', text: 'So did I.' }, hi],
    blocks: { post: [{ relation: 'xReact', tail: 'sad' }], situation: [] },
  }
  assert.equal(parseDialogue(JSON.parse(JSON.stringify(input))), input)
})

dialogue('situation, strategy, blocks and either list of blocks may be missing', () => {
  assert.equal(parseDialogue({ dialogue: [hi] }), { dialogue: [hi] })
  assert.equal(parseDialogue({ dialogue: [hi], blocks: {} }).blocks, { post: [], situation: [] })
  const reply = { strategy: 'Question' as const, text: 'why?' }
  assert.equal(parseDialogue({ dialogue: [hi], reply }).reply, reply)
})

dialogue('what is wrong is named, with its place', async () => {
  const say = (change: object) => ({ dialogue: [hi, { ...hi, ...change }] })
  const block = (change: object) => ({
    dialogue: [hi],
    blocks: { post: [{ relation: 'xReact', tail: 'sad', ...change }] },
  })
  const cases: [unknown, RegExp][] = [
    [undefined, /^input: expected an object with situation, dialogue, blocks, reply, got nothing$/],
    [null, /^input: expected an object .* got null$/],
    [[hi], /^input: expected an object/],
    [{}, /^dialogue: expected an array, got nothing$/],
    [{ dialogue: [] }, /^dialogue: expected at least one utterance, got \[\]$/],
    [{ dialogue: [hi], dialog: [] }, /^input: unknown key "dialog"; the keys are: situation, dialogue, blocks, reply$/],
    [{ dialogue: [hi], situation: 3 }, /^situation: expected a string, got 3$/],
    [{ dialogue: [hi, 'hello'] }, /^dialogue\[1\]: expected an object/],
    [say({ speaker: 'usr' }), /^dialogue\[1\]\.speaker: expected one of "seeker", "supporter", got "usr"$/],
    [say({ text: ['a'] }), /^dialogue\[1\]\.text: expected a string, got \["a"\]$/],
    [say({ text: undefined }), /^dialogue\[1\]\.text: expected a string, got nothing$/],
    [say({ emotion: 1 }), /^dialogue\[1\]: unknown key "emotion"/],
    [say({ strategy: 'Question' }), /^dialogue\[1\]\.strategy: expected none for the seeker/],
    [say({ speaker: 'supporter', strategy: '[Question]' }), /^dialogue\[1\]\.strategy: expected one of "Question", /],
    [block({ relation: 'xSad' }), /^blocks\.post\[0\]\.relation: expected one of "xAttr", .* got "xSad"$/],
    [block({ relation: 'toString' }), /^blocks\.post\[0\]\.relation/],
    [block({ tail: null }), /^blocks\.post\[0\]\.tail: expected a string, got null$/],
    [{ dialogue: [hi], blocks: { situation: 'x' } }, /^blocks\.situation: expected an array, got "x"$/],
    [{ dialogue: [hi], reply: 'hello' }, /^reply: expected an object with strategy, text, got "hello"$/],
    [{ dialogue: [hi], reply: { strategy: 'Hope' } }, /^reply\.strategy: expected one of "Question", .* got "Hope"$/],
    [JSON.parse('{"dialogue": [{"speaker": "seeker", "text": "", "__proto__": 1}]}'), /unknown key "__proto__"/],
  ]
  for (const [input, pattern] of cases) await refused(() => parseDialogue(input), pattern)
})

dialogue('ids instead of a dialogue: the lists are checked here, what is in them by the model', async () => {
  assert.equal(parseInput({ dialogue: [hi] }), { dialogue: [hi] })
  assert.equal(parseInput({ ids: { context: [7] } }), { ids: { context: [7], post: [], situation: [] } })
  assert.equal(parseInput({ ids: { context: [6], roles: [6] } }), {
    ids: { context: [6], post: [], situation: [], roles: [6] },
  })
  await refused(() => parseInput({ ids: { context: [6], roles: 6 } }), /^ids\.roles: expected an array, got 6/)
  await refused(() => parseInput([]), /^input: expected an object with situation, dialogue, blocks/)
  await refused(() => parseInput({ ids: {}, dialogue: [hi] }), /^input: unknown key "dialogue"; the keys are: ids$/)
  await refused(() => parseInput({ ids: { context: 7 } }), /^ids\.context: expected an array, got 7$/)
  await refused(() => parseInput({ ids: { context: [7], post: [7] } }), /^ids\.post\[0\]: expected an array, got 7$/)
  await refused(() => parseInput({ ids: { input_ids: [7] } }), /^ids: unknown key "input_ids"; the keys are: context, /)
})

dialogue('limits hold, and a long value is shortened in the message', async () => {
  const { utterances, blocks, characters } = DIALOGUE_LIMITS
  const many = new Array(blocks + 1).fill({ relation: 'xReact', tail: 'sad' })
  await refused(() => parseDialogue({ dialogue: new Array(utterances + 1).fill(hi) }), /10001 entries/)
  await refused(() => parseDialogue({ dialogue: [hi], blocks: { post: many } }), /blocks\.post: 1001 entries/)
  await refused(() => parseDialogue({ dialogue: [{ ...hi, text: 'a'.repeat(characters + 1) }] }), /100001 characters/)
  await refused(() => parseDialogue('a'.repeat(10_000)), /got "a{110,120}…$/)
})

dialogue('values that no JSON can show are refused all the same', async () => {
  const circle: unknown[] = []
  circle.push(circle)
  let deep: unknown = []
  for (let i = 0; i < 100_000; i++) deep = [deep]
  await refused(() => parseInput(circle), /^input: expected an object .* got \[object Array\]$/)
  await refused(() => parseInput(deep), /^input: expected an object .* got \[object Array\]$/)
  await refused(() => parseInput(1n), /^input: expected an object .* got 1$/)
})

dialogue('the last post is the seeker’s', () => {
  const { dialogue: utterances } = parseDialogue({
    dialogue: [hi, { ...hi, text: 'I am sad' }, { speaker: 'supporter', text: 'Why?' }],
  })
  assert.is(lastSeekerPost(utterances), 'I am sad')
  assert.is(lastSeekerPost(utterances.slice(2)), undefined)
})

dialogue('an array of a program may have holes, where something is missing', async () => {
  const said = { speaker: 'seeker', text: 'hi' }
  const post = new Array(1)
  await refused(() => parseDialogue({ dialogue: new Array(2) }), /dialogue\[0\]: expected an object.*, got nothing/)
  await refused(
    () => parseDialogue({ dialogue: [said], blocks: { post } }),
    /blocks\.post\[0\]: expected.*, got nothing/,
  )
  await refused(() => parseInput({ ids: { context: [1], post } }), /ids\.post\[0\]: expected an array, got nothing/)
})

dialogue.run()
