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
const sources = list('src').filter((it) => it.endsWith('.ts'))

contributing('the files and folders that it names are there', () => {
  const paths = [...text.matchAll(/\b(?:src|test|docs|shaders|examples)\/[\w./-]*\w/g)].map(([path]) => path)
  assert.ok(paths.length > 5)
  for (const path of paths) assert.ok(existsSync(join(root, path)), path)
})

contributing('a test is for the source of its name', () => {
  const unmirrored = ['examples', 'fuzz', 'long', 'reference', 'shaders']
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
  for (const file of sources.filter((it) => it.includes('/'))) {
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

contributing('Node is for the folders that it names', () => {
  const [, names = ''] = /are for (src\/.*?) alone/.exec(text) ?? []
  const folders = names.match(/(?<=src\/)[\w/]+/g)!
  assert.ok(folders.includes('platform/node'))
  const ofNode =
    /\b(?:from|import|import\() ?'(node:[\w/]+)'|(?<![.\w'`])(process\.|Buffer\b|setImmediate\b|__filename\b|require\()/g
  const seen: string[] = []
  for (const file of sources) {
    const code = readFileSync(join(root, 'src', file), 'utf8').replaceAll(/^ *(?:\/\/|\*|\/\*\*).*$/gm, '')
    for (const [found] of code.matchAll(ofNode)) {
      seen.push(file)
      assert.ok(
        folders.some((folder) => file.startsWith(`${folder}/`)),
        `${file}: ${found}`,
      )
    }
  }
  assert.ok(seen.length > 50)
})

contributing('no file imports itself by way of others', () => {
  const imports = new Map(
    sources.map((file) => {
      const code = readFileSync(join(root, 'src', file), 'utf8')
      const others = [...code.matchAll(/from '(\.[^']+)\.js'/g)]
      return [file, others.map(([, path]) => `${join(dirname(file), path!)}.ts`)] as const
    }),
  )
  assert.ok([...imports.values()].flat().length > 100)
  const sound = new Set<string>()
  const visit = (file: string, way: readonly string[]) => {
    assert.not.ok(way.includes(file), [...way, file].join(' → '))
    if (sound.has(file)) return
    for (const other of imports.get(file)!) visit(other, [...way, file])
    sound.add(file)
  }
  for (const file of imports.keys()) visit(file, [])
})

contributing.run()
