/** What CONTRIBUTING.md says of the folders, held against the folders. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'

const contributing = suite('CONTRIBUTING.md')
const root = fileURLToPath(new URL('../', import.meta.url))
const text = readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8').replaceAll(/\s+/g, ' ')
const list = (folder: string) => readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })

contributing('the files and folders that it names are there', () => {
  const paths = [...text.matchAll(/\b(?:src|test|docs|shaders|examples)\/[\w./-]*\w/g)].map(([path]) => path)
  assert.ok(paths.length > 5)
  for (const path of paths) assert.ok(existsSync(join(root, path)), path)
})

contributing('a test is for the source of its name', () => {
  const unmirrored = ['examples', 'long', 'reference', 'shaders']
  const tests = list('test').filter((it) => it.includes('/') && it.endsWith('.test.ts'))
  for (const test of tests.filter((it) => !unmirrored.includes(it.split('/')[0]!))) {
    const source = join('src', test.replace(/\.test\.ts$/, '.ts'))
    assert.ok(existsSync(join(root, source)), `${test}: there is no ${source}`)
  }
})

contributing('imports point the way that it says', () => {
  const [, chain = '', below = ''] = /one way: (.*?); (.*?) import no GPU/.exec(text) ?? []
  const names = (words: string) => words.split(/, | and /)
  const layers = chain.split(' → ').map(names)
  const plain = names(below)
  const folders = readdirSync(join(root, 'src'), { withFileTypes: true }).filter((it) => it.isDirectory())
  assert.equal([...layers.flat(), ...plain].sort(), folders.map(({ name }) => name).sort())
  for (const file of list('src').filter((it) => it.includes('/') && it.endsWith('.ts'))) {
    const folder = file.split('/')[0]!
    const rank = layers.findIndex((layer) => layer.includes(folder))
    const code = readFileSync(join(root, 'src', file), 'utf8')
    for (const [, path = ''] of code.matchAll(/from '(\.[^']*)'/g)) {
      const [other = '', ...inFolder] = join(dirname(file), path).split('/')
      if (other === folder || inFolder.length === 0) continue
      const otherRank = layers.findIndex((layer) => layer.includes(other))
      const allowed = plain.includes(folder) ? plain.includes(other) : plain.includes(other) || otherRank > rank
      assert.ok(allowed, `${file} imports from ${other}`)
    }
  }
})

contributing.run()
