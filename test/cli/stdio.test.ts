import { Readable } from 'node:stream'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { lineBatches } from '../../src/cli/stdio.js'
import { refused } from '../throws.js'

const stdio = suite('cli/stdio')

async function linesOf(bytes: Buffer, chunkLength: number): Promise<string[]> {
  const chunks: Buffer[] = []
  for (let start = 0; start < bytes.length; start += chunkLength)
    chunks.push(bytes.subarray(start, start + chunkLength))
  const lines: string[] = []
  for await (const batch of lineBatches(Readable.from(chunks))) lines.push(...batch)
  return lines
}

stdio('lines are the same however the bytes come; a byte order mark is none of them', async () => {
  const text = 'é 😀\n\r\n"a"\r\nlast \ufeff'
  for (const input of [text, `\ufeff${text}`]) {
    for (let length = 1; length < 12; length++) {
      assert.equal(await linesOf(Buffer.from(input), length), ['é 😀', '', '"a"', 'last \ufeff'])
    }
  }
  assert.equal(await linesOf(Buffer.from('a\n'), 1), ['a'])
  assert.equal(await linesOf(Buffer.from('\ufeff'), 1), [])
  assert.equal(await linesOf(Buffer.from(''), 1), [])
})

stdio('other encodings are refused, with line and byte, however the bytes come', async () => {
  const latin = Buffer.from('a\nb\ncaf\xe9 x\nd\n', 'latin1')
  const utf16 = Buffer.from('\ufeffa\nb\n', 'utf16le')
  for (let length = 1; length < 12; length++) {
    await refused(() => linesOf(latin, length), /^stdin: not UTF-8 text: line 3, byte 4 is 0xE9; convert it/)
    await refused(() => linesOf(utf16, length), /^stdin: not UTF-8 text: line 1, byte 1 begins as UTF-16 does/)
  }
  await refused(() => linesOf(Buffer.from('a\nb\xe9', 'latin1'), 1), /line 2, byte 2 is 0xE9/)
})

stdio('a line beyond the limit is refused before it is held', async () => {
  const chunk = Buffer.alloc(2 ** 20, 'a')
  let read = 0
  const endless = (function* () {
    yield Buffer.from('b\n')
    for (;;) {
      read++
      yield chunk
    }
  })()
  await refused(async () => {
    for await (const _ of lineBatches(Readable.from(endless)));
  }, /stdin: line 2 is longer than 10000000 bytes/)
  assert.ok(read < 40, `${read} chunks read`)
})

stdio.run()
