import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { withPage } from '../browser.js'
import { filesFolder } from '../files-folder.js'

const charts = suite('explain/corpus-charts')
const root = fileURLToPath(new URL('../../', import.meta.url))

charts('the command of docs/figures.md draws its SVG, of the data and of who predicts', async () => {
  const taken = ['Question', 'Others', 'Providing Suggestions']
  const dialog = taken.flatMap((strategy) => [
    { speaker: 'usr', text: 'i am sad' },
    { speaker: 'sys', text: 'i see', strategy },
  ])
  const folder = filesFolder({
    'test.jsonl': JSON.stringify({ dialog }),
    'best.json': taken.map((reference) => ({ reference, hypothesis: 'Question' })),
  })
  const file = join(folder, 'figures.svg')
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: { figures: string } }
  const [node, ...command] = scripts.figures.split(' ')
  assert.is(node, 'node')
  const args = [...command, join(folder, 'best.json'), '--data', folder]
  const env = { ...process.env, FIGURES: file }
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: root, env, encoding: 'utf8' })
  assert.is(status, 0, stderr)
  const svg = readFileSync(file, 'utf8')
  assert.match(svg, /<title>Providing Suggestions, last turn: 100\.0 % of the replies<\/title>/)
  await withPage(svg, [{}], async (page) => {
    assert.is(await page.evaluate("document.querySelectorAll('svg svg').length"), 2)
  })
  // As the docs show it.
  assert.match(readFileSync(join(root, 'docs/figures.md'), 'utf8'), /!\[[^\]]+\]\(figures\.svg\)/)
  assert.match(readFileSync(join(root, 'docs/figures.svg'), 'utf8'), /Strategies over six stages: misc-mini/)
})

charts.run()
