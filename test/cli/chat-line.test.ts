import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parseChatLine } from '../../src/cli/chat-line.js'

const line = suite('chat-line')

line('known commands, alone or with their argument', () => {
  for (const command of ['help', 'mixture', 'reset', 'quit', 'situation', 'strategy'] as const) {
    assert.equal(parseChatLine(` /${command}\t`), { command, argument: '' })
  }
  assert.equal(parseChatLine('/situation  I lost my job '), { command: 'situation', argument: 'I lost my job' })
  assert.equal(parseChatLine('/strategy Self-disclosure'), { command: 'strategy', argument: 'Self-disclosure' })
})

line('any other line is what the seeker says, slashes included', () => {
  for (const words of [
    '/r/depression says that I should talk',
    '/etc/hosts is all I think of',
    '/',
    '/ no',
    '/situations like these',
    '/strategy/game nights are over',
    '/quit smoking, they said',
    '/reset my life please',
    '/help me',
    '/sitation x',
    'hi /quit',
    '',
  ]) {
    assert.equal(parseChatLine(`  ${words} `), { words })
  }
})

line('two slashes send a line that opens with one', () => {
  assert.equal(parseChatLine('//quit'), { words: '/quit' })
  assert.equal(parseChatLine('//situation is bad'), { words: '/situation is bad' })
  assert.equal(parseChatLine('//'), { words: '/' })
  assert.equal(parseChatLine('///x'), { words: '//x' })
})

line.run()
