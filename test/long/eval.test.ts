/** `misc eval --out`, killed. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { systemsOf } from '../../src/cli/eval-systems.js'
import { compiledMain } from '../cli/compiled-main.js'
import { tinyModel } from '../engine-model.js'
import { filesFolder } from '../files-folder.js'
import { readJsonLines } from '../fixtures.js'
import { modelAdapters } from '../gpu.js'
import { tempFolder } from '../temp.js'

const [adapter] = modelAdapters as [string]
const model = suite(`misc eval, killed, on ${adapter}`)
const turns = [
  { speaker: 'usr', text: 'i am sad' },
  { speaker: 'sys', text: 'why?', strategy: 'Question' },
  { speaker: 'usr', text: 'do not know' },
  { speaker: 'sys', text: 'i know', strategy: 'Others' },
]

/** 150 rows: more than are scored together. */
const many = filesFolder({
  'test.jsonl': Array.from({ length: 75 }, (_, i) => {
    const dialog = turns.map((turn) => ({ ...turn, text: `${turn.text} ${i % 7 ? 'really '.repeat(i % 7) : ''}${i}` }))
    return `${JSON.stringify({ emotion_type: 'fear', dialog })}\n`
  }).join(''),
})

model(
  'killed at any moment and started again, it loses no row and does none twice: file and table are the same',
  async () => {
    const folder = await tinyModel(160)
    const run = async (out: string, killAt?: number) => {
      const args = ['eval', folder, '--data', many, '--out', out, '--adapter', adapter, '--max-new-tokens', '40']
      const child = spawn(process.execPath, [compiledMain, ...args, '--json'], { stdio: 'pipe' })
      const said = { stdout: '', stderr: '' }
      child.stdout.on('data', (chunk) => {
        said.stdout += chunk
      })
      child.stderr.on('data', (chunk) => {
        said.stderr += chunk
      })
      const file = join(out, fileName)
      const lines = () => (existsSync(file) ? readFileSync(file).filter((byte) => byte === 10).length : 0)
      const killer = setInterval(() => {
        if (killAt !== undefined && lines() >= killAt) child.kill('SIGKILL')
      }, 1)
      const [code, signal] = await once(child, 'close')
      clearInterval(killer)
      return { ...said, status: code ?? signal, lines: lines() }
    }
    const fileName = `${systemsOf([folder])[0]!.file}`
    const [whole, killed] = [tempFolder(), tempFolder()]
    const undisturbed = await run(whole)
    assert.is(undisturbed.status, 0, undisturbed.stderr)
    assert.is(undisturbed.lines, 151)
    let before = 0
    for (const at of [1, 12, 60, 135]) {
      const { status, lines, stdout } = await run(killed, at)
      assert.equal([status, stdout], ['SIGKILL', ''], `it was done before it was killed at ${at} lines`)
      assert.ok(lines >= at && lines > before && lines < 151, `${lines} lines at ${at}`)
      before = lines
    }
    const ended = await run(killed)
    assert.is(ended.status, 0, ended.stderr)
    assert.is(ended.stdout, undisturbed.stdout)
    assert.is(readFileSync(join(killed, fileName), 'utf8'), readFileSync(join(whole, fileName), 'utf8'))
    const [, ...lines] = readJsonLines(join(killed, fileName))
    assert.equal(
      lines.map(({ row }) => row),
      Array.from({ length: 150 }, (_, row) => row),
    )
    // Nothing is left to do, and other arguments are no reason to begin anew.
    assert.is((await run(killed)).stdout, undisturbed.stdout)
  },
)

model.run()
