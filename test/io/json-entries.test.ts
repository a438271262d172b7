import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { readJsonEntries } from '../../src/io/json-entries.js'
import { tempFolder } from '../temp.js'
import { refused } from '../throws.js'

const entries = suite('io/json-entries')
const folder = tempFolder()
const path = join(folder, 'file.json')
const read = (text: string | Buffer) => {
  writeFileSync(path, text)
  return readJsonEntries(path)
}
const at = (line: number) => `${path}, line ${line}`

entries('a JSON list: each element with its line', async () => {
  assert.equal(
    await read('["a",\n\n{"b": [1,\n2, "],["]}, null,\n [\n], -1e3\n, "\\"\n"]'.replace('"\\"\n"', '"\\"n"')),
    [
      { value: 'a', at: at(1) },
      { value: { b: [1, 2, '],['] }, at: at(3) },
      { value: null, at: at(4) },
      { value: [], at: at(5) },
      { value: -1000, at: at(6) },
      { value: '"n', at: at(7) },
    ],
  )
  assert.equal(await read('\ufeff [ \r\n"x"\r\n] \n'), [{ value: 'x', at: at(2) }])
  for (const empty of ['[]', '[\n]', ' [ ] ']) assert.equal(await read(empty), [])
  // Long strings and long lists.
  const long = ['x'.repeat(1_000_000), ...Array.from({ length: 50_000 }, (_, i) => i)]
  assert.equal((await read(JSON.stringify(long, null, 1))).at(-1), { value: 49_999, at: at(50_002) })
})

entries('JSON Lines: empty lines are none', async () => {
  assert.equal(await read('"a"\n\n{"text": "b"}\r\n  \n3'), [
    { value: 'a', at: at(1) },
    { value: { text: 'b' }, at: at(3) },
    { value: 3, at: at(5) },
  ])
  for (const empty of ['', '\n \n']) assert.equal(await read(empty), [])
})

entries('what is not JSON is refused with its line', async () => {
  for (const [text, line] of [
    ['["a",\n"b"\n"c"]', 3],
    ['["a",\n"b"', 2],
    ['["a"]\n]', 2],
    ['["a",\n"b\n"]', 2],
    ['["a",\n]', 2],
    ['"a"\nb\n', 2],
    ['{"text": "a"}\n\n{"text": "b"', 3],
    ['{\n"text": "a"}', 1],
  ] as const) {
    await refused(() => read(text), new RegExp(`file\\.json, line ${line}: not JSON \\(.+\\); correct it$`))
  }
  await refused(() => read(`[${'['.repeat(100_000)}`), /line 1: not JSON/)
  await refused(() => read(Buffer.from('["caf\xe9"]', 'latin1')), /file\.json: not UTF-8 text: line 1, byte 6/)
  await refused(() => readJsonEntries(join(folder, 'none.json')), /none\.json: no such file/)
  mkdirSync(join(folder, 'dir'))
  await refused(() => readJsonEntries(join(folder, 'dir')), /is a folder, not a file/)
})

entries('a string of many millions of escapes', async () => {
  const [first, second] = await read(`["${'\\n'.repeat(6e6)}",\n1]`)
  assert.is((first!.value as string).length, 6e6)
  assert.equal(second, { value: 1, at: at(2) })
})

entries.run()
