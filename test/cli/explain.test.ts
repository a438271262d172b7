import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { TailNode } from '../../src/engine/explain-comet.js'
import { tinyComet } from '../comet-models.js'
import { saying, tinyModel } from '../engine-model.js'
import { testAdapters } from '../gpu.js'
import { tempFolder } from '../temp.js'
import { misc } from './in-process.js'

const folder = await tinyModel()
const files = tempFolder()
const adapter = testAdapters[0]!
const input = join(files, 'dialogue.json')
const reply = { strategy: 'Question', text: 'why?' }
writeFileSync(input, JSON.stringify({ ...saying('hi, i am sad'), reply }))

const explain = (...flags: string[]) => misc(['explain', folder, '--adapter', adapter, ...flags])

const command = suite('misc explain')

command(
  'writes the page, and prints the document whose numbers it draws; the reply is that of misc generate',
  async () => {
    const out = join(files, 'reply.html')
    const drawing = ['--seed', '7', '--max-new-tokens', '6', '--strategy', 'Information']
    const { stdout, stderr, status } = await explain('--input', input, '--out', out, '--json', ...drawing)
    assert.is(status, 0, stderr)
    assert.match(stderr, /^wrote .*reply\.html: 6 words, seed 7$/m)
    assert.is(stdout.split('\n').length, 2)
    const document = JSON.parse(stdout)
    assert.equal(Object.keys(document), [
      ...['family', 'dialogue', 'reply', 'strategies', 'blocks', 'context', 'words', 'made_with'],
    ])
    assert.equal([document.strategies.true, document.dialogue.reply], ['Question', reply])
    assert.is(document.strategies.given.Information, 1)
    assert.equal(Object.keys(document.words[0]), [
      ...['id', 'text', 'probability', 'model_probability', 'left', 'candidates', 'contributions', 'attention'],
    ])
    const { model, dtype, seed, options } = document.made_with
    assert.equal([model, dtype, seed, options.maxLength], [folder, 'f32', 7, 7])
    const generated = await misc(['generate', folder, '--adapter', adapter, '--input', input, '--json', ...drawing])
    assert.equal(JSON.parse(generated.stdout).ids, document.reply.ids)

    const page = readFileSync(out, 'utf8')
    const [, numbers = ''] = /<script id="numbers" type="application\/json">(.*?)<\/script>/s.exec(page) ?? []
    assert.equal(JSON.parse(numbers), document)
    for (const text of ['This is research software: no therapy', 'the true reply', 'hi, i am sad']) {
      assert.ok(page.includes(text), text)
    }
    // The command that it names draws the reply again.
    const [, again = ''] = /<code>misc ([^<]*)<\/code>/.exec(page) ?? []
    const named = again.replace('FILE', input).split(' ')
    const redrawn = await misc([...named, '--strategy', 'Information', '--adapter', adapter, '--json'])
    assert.equal(JSON.parse(redrawn.stdout).ids, document.reply.ids)
  },
)

command('of an event, the trees of a COMET’s tails; the command that it names finds them again', async () => {
  const out = join(files, 'tails.html')
  const asked = ['--event', "i'm sad", '--num-beams', '2', '--num-return-sequences', '2', '--max-new-tokens', '4']
  const { stdout, stderr, status } = await misc([
    ...['explain', await tinyComet(), '--adapter', adapter, ...asked, '--out', out, '--json'],
  ])
  assert.is(status, 0, stderr)
  const document = JSON.parse(stdout)
  assert.equal(Object.keys(document), ['event', 'trees', 'cut', 'made_with'])
  assert.equal(
    [document.event, Object.keys(document.trees).length, document.made_with.title],
    ["i'm sad", 9, 'comet-mini'],
  )
  assert.match(readFileSync(out, 'utf8'), /<h1>“i&#39;m sad”<\/h1>/)
  const words = [...document.made_with.again.matchAll(/'(?:[^']|'\\'')*'|\S+/g)].map(([word]) =>
    word.replace(/^'(.*)'$/, '$1').replaceAll("'\\''", "'"),
  )
  assert.equal(words.slice(0, 2), ['misc', 'comet'])
  const found = await misc([...words.slice(1), '--adapter', adapter, '--json'])
  assert.is(found.status, 0, found.stderr)
  const { tails } = JSON.parse(found.stdout)
  const texts = (nodes: readonly TailNode[]): string[] =>
    nodes.flatMap((it) => [...(it.tail ? [it.tail.text] : []), ...texts(it.next)])
  for (const [relation, nodes] of Object.entries(document.trees as Record<string, TailNode[]>)) {
    assert.equal(texts(nodes).sort(), tails[relation].map((it: { text: string }) => it.text).sort(), relation)
  }
})

command('what is wrong is told before a model is loaded, and nothing is written', async () => {
  const out = join(files, 'wrong.html')
  const bad = join(files, 'bad.json')
  writeFileSync(bad, JSON.stringify({ dialogue: [], reply }))
  const cases: [string[], RegExp][] = [
    [
      ['--out', out],
      /^misc: --input FILE: say which dialogue is to be replied to; or of a COMET --event TEXT, or of a whole split --data DIR$/m,
    ],
    [['--out', out, '--limit', '3', '--input', input], /^misc: --limit is for whole splits: give --data too$/m],
    [['--out', out, '--data', files, '--seed', '3'], /^misc: --seed: no reply is drawn for --data; leave it out$/m],
    [['--out', out, '--input', input, '--event', 'x'], /^misc: --input and --event: give one of them$/m],
    [['--out', out, '--event', 'x', '--strategy', 'Question'], /^misc: --strategy: a COMET has no such option$/m],
    [['--input', input], /^misc: name a page to write, --out FILE\.html, or ask for --json$/m],
    [['--input', bad, '--out', out], /^misc: dialogue: expected at least one utterance/m],
    [['--input', input, '--out', join(files, 'nowhere', 'x.html')], /^misc: .*nowhere/m],
    [['--input', input, '--out', out, '--top-p', '2'], /^misc: --top-p must be/m],
  ]
  for (const [flags, pattern] of cases) {
    const { stdout, stderr, status } = await explain(...flags)
    assert.equal([stdout, status], ['', 2], stderr)
    assert.match(stderr, pattern)
  }
  assert.is(existsSync(out), false)
})

command.run()
