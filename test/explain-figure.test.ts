/** docs/explain.md, and the picture in it, which a command makes. */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { tempFolder } from './temp.js'
import { root } from './user-folder.js'

const figure = suite('docs/explain.md')
const text = readFileSync(join(root, 'docs/explain.md'), 'utf8')

/** Width and height of a PNG. */
function sizeOf(path: string): [number, number] {
  const bytes = readFileSync(path)
  assert.is(bytes.toString('latin1', 1, 4), 'PNG', path)
  return [bytes.readUInt32BE(16), bytes.readUInt32BE(20)]
}

figure('its command makes its picture', () => {
  const [, picture = ''] = /!\[[^\]]+\]\(([^)]+)\)/.exec(text) ?? []
  const [, script = ''] = /npm run ([\w:]+)/.exec(text) ?? []
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const [program, ...args] = scripts[script].split(' ')
  assert.is(program, 'node')
  const path = join(tempFolder(), 'explain.png')
  const { status, stderr } = spawnSync(process.execPath, [...args, path], { cwd: root, encoding: 'utf8' })
  assert.is(status, 0, stderr)
  const [width, height] = sizeOf(path)
  const [expected, expectedHeight] = sizeOf(join(root, 'docs', picture))
  assert.is(width, expected)
  // Fonts differ from system to system.
  assert.ok(Math.abs(height - expectedHeight) < 0.3 * expectedHeight, `${height}, ${expectedHeight} in docs`)
})

figure('the files that its commands and links name are there', () => {
  const paths = [...text.matchAll(/\b(?:weights|examples)\/[\w.-]+/g)].map(([path]) => path)
  assert.ok(paths.length >= 2)
  for (const path of paths) assert.ok(existsSync(join(root, path)), path)
})

figure.run()
