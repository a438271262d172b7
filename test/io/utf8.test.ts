import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { decodeUtf8 } from '../../src/io/utf8.js'
import { refused } from '../throws.js'

const utf8 = suite('io/utf8')
const BOM = [0xef, 0xbb, 0xbf]
const bytes = (...parts: (string | number[])[]) => Buffer.concat(parts.map((part) => Buffer.from(part as string)))

utf8('text of any script; a byte order mark is left out where the source opens, and only there', () => {
  const text = 'ab\u0000 é 😀 \ufffd\n\ufeffc'
  assert.is(decodeUtf8(bytes(text), { source: 'it' }), text)
  assert.is(decodeUtf8(bytes(BOM, text), { source: 'it' }), text)
  assert.is(decodeUtf8(bytes(BOM, 'a'), { source: 'it', linesBefore: 1 }), '\ufeffa')
  assert.is(decodeUtf8(bytes(), { source: 'it' }), '')
})

utf8('the first byte of what is not UTF-8 is named, by line and byte', async () => {
  const cases: [Buffer, RegExp][] = [
    [Buffer.from('caf\xe9 x', 'latin1'), /^it: not UTF-8 text: line 1, byte 4 is 0xE9; convert it/],
    [Buffer.from('\xe9', 'latin1'), /line 1, byte 1 is 0xE9;/],
    [bytes('é\nb\n', [0x80]), /line 3, byte 1 is 0x80/],
    [bytes('a 😀', [0xf0, 0x9f, 0x98]), /line 1, byte 7 is 0xF0/],
    // A character that begins as U+FFFD does, which a lossy reader puts in its place.
    [bytes('a', [0xef, 0xbf], 'b'), /line 1, byte 2 is 0xEF/],
    [bytes('\ufffd', [0xc0, 0xaf]), /line 1, byte 4 is 0xC0/],
    [bytes([0xed, 0xa0, 0x80]), /line 1, byte 1 is 0xED/],
    [Buffer.from('hi', 'utf16le'), /line 1, byte 1 begins as UTF-16 does/],
    [Buffer.from('\ufeffhi', 'utf16le'), /line 1, byte 1 begins as UTF-16 does/],
    [Buffer.from('\ufeffhi', 'utf16le').swap16(), /line 1, byte 1 begins as UTF-16 does/],
    [Buffer.from('hi', 'utf16le').swap16(), /line 1, byte 1 begins as UTF-16 does/],
  ]
  for (const [input, pattern] of cases) await refused(() => decodeUtf8(input, { source: 'it' }), pattern)
  const later = () => decodeUtf8(bytes('a\nb', [0xff]), { source: 'it', linesBefore: 7 })
  await refused(later, /line 9, byte 2 is 0xFF/)
})

utf8.run()
