import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type LogRow, RowLog } from '../../src/io/row-log.js'
import { tempFolder } from '../temp.js'
import { refused } from '../throws.js'

const rowLog = suite('io/row-log')

interface Row extends LogRow {
  readonly text: string
}
const head = { model: 'a', seed: 3, left: undefined }
const silent = (message: string) => assert.unreachable(message)
const open = (path: string | undefined, warn = silent) => RowLog.open<Row>(path, head, warn)
const row = (row: number): Row => ({ row, text: `ünï ${row}` })
const lines = (path: string) => readFileSync(path, 'utf8').split('\n')

rowLog('rows are in the file as soon as they are added, and in order once all are there', async () => {
  const path = join(tempFolder(), 'rows.jsonl')
  const log = await open(path)
  assert.equal(lines(path), ['{"model":"a","seed":3}', ''])
  for (const number of [2, 0]) log.add(row(number))
  assert.equal(lines(path).slice(1), [JSON.stringify(row(2)), JSON.stringify(row(0)), ''])
  log[Symbol.dispose]()

  const again = await open(path)
  assert.equal([...again.rows.keys()], [2, 0])
  again.add(row(1))
  await refused(() => again.add(row(2)), /row 2 is there already/)
  assert.equal(await again.finish(), [row(0), row(1), row(2)])
  assert.equal(lines(path), ['{"model":"a","seed":3}', ...[0, 1, 2].map((it) => JSON.stringify(row(it))), ''])
})

rowLog(
  'wherever a kill cuts the file, whole rows are kept, what is torn is dropped and said, and it goes on',
  async () => {
    const path = join(tempFolder(), 'rows.jsonl')
    const log = await open(path)
    for (const number of [0, 1]) log.add(row(number))
    log[Symbol.dispose]()
    const whole = readFileSync(path)
    const ends = [...whole.keys()].filter((i) => whole[i] === 10).map((i) => i + 1)
    for (let length = 0; length <= whole.length; length++) {
      writeFileSync(path, whole.subarray(0, length))
      const said: string[] = []
      using cut = await open(path, (message) => said.push(message))
      const kept = ends.filter((end) => end <= length).length
      assert.equal([...cut.rows.values()], [row(0), row(1)].slice(0, Math.max(0, kept - 1)), `cut at ${length}`)
      assert.is(said.length, kept > 0 && !ends.includes(length) ? 1 : 0, `cut at ${length}`)
      for (const missing of [0, 1].slice(Math.max(0, kept - 1))) cut.add(row(missing))
      assert.equal(readFileSync(path), whole)
    }
  },
)

rowLog('without a path rows are kept in memory', async () => {
  const log = await open(undefined)
  for (const number of [1, 0]) log.add(row(number))
  assert.equal(await log.finish(), [row(0), row(1)])
})

rowLog('a file of other arguments, or with lines that no log writes, is refused', async () => {
  const path = join(tempFolder(), 'rows.jsonl')
  const written = await open(path)
  written.add(row(0))
  written[Symbol.dispose]()
  await refused(
    () => RowLog.open(path, { model: 'a', seed: 4 }, silent),
    /rows\.jsonl: is of other arguments: there seed is 3, here 4; .*another folder$/,
  )
  await refused(() => RowLog.open(path, { ...head, left: 'x' }, silent), /there left is nothing, here "x"/)
  await refused(() => RowLog.open(path, { seed: 3 }, silent), /there model is "a", here nothing/)
  for (const [line, message] of [
    [JSON.stringify(row(0)), /line 3: row 0 is there twice/],
    ['{"text":"a"}', /line 3: is no row: it has no number/],
    ['null', /line 3: is no row/],
    ['{', /line 3: not JSON; take the file away/],
  ] as const) {
    const damaged = join(tempFolder(), 'rows.jsonl')
    writeFileSync(damaged, readFileSync(path))
    appendFileSync(damaged, `${line}\n`)
    await refused(() => open(damaged), message)
  }
  await refused(() => open(tempFolder()), /is a folder/)
})

rowLog.run()
