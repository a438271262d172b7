/** That a page which is wrong is found out. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { codeBlocks } from './code-blocks.js'
import { runBlock } from './run-blocks.js'
import { userFolder } from './user-folder.js'

const folder = userFolder()

/** Runs a page of some text. */
async function run(source: string) {
  const blocks = codeBlocks('page.md', source)
  const done: string[] = []
  for (const [i, block] of blocks.entries()) done.push(await runBlock(block, folder, blocks.slice(i + 1)))
  return done
}

const fenced = (language: string, text: string) => `\`\`\`${language}\n${text}\n\`\`\`\n\n`

/** Asserts that a page fails, and how. */
async function fails(source: string, message: RegExp) {
  const error = await run(source).then(
    () => assert.unreachable('it ran'),
    (error: Error) => error,
  )
  assert.match(error!.message, message)
}

const reading = suite('code blocks')

reading('fenced, indented and in lists, with what comments and their neighbours say', () => {
  const page = [
    '# Page\n\n    indented # one\n\n',
    fenced('js app.mjs', 'a()'),
    'It prints\n\n',
    fenced('text', 'b …'),
    `- item\n\n  <!-- not run: too long -->\n\n  ${fenced('sh', '  x').replaceAll('\n', '\n  ')}`,
    '\n\n<!-- long -->\n\n',
    fenced('json', '{}'),
  ].join('')
  const blocks = codeBlocks('page.md', page)
  const told = blocks.map(({ place, language, file, notRun, long, prints }) => [
    place,
    language,
    file,
    notRun,
    long,
    prints,
  ])
  assert.equal(told, [
    ['page.md:3', 'sh', undefined, undefined, false, undefined],
    ['page.md:6', 'js', 'app.mjs', undefined, false, 'b …'],
    ['page.md:20', 'sh', undefined, 'too long', false, undefined],
    ['page.md:28', 'json', undefined, undefined, true, undefined],
  ])
  const none = codeBlocks(
    'page.md',
    `<!-- nothing here is run: why -->\n\n${fenced('sh', 'a')}Text\n\n${fenced('sh', 'b')}`,
  )
  assert.equal(
    none.map(({ notRun }) => notRun),
    ['why', 'why'],
  )
})

reading.run()

const running = suite('run blocks')

running('what is right runs, in its order and in one folder', async () => {
  const page = [
    fenced('js greet.mjs', "console.log('good', process.argv[2])"),
    fenced('sh', 'node greet.mjs day > said.txt'),
    fenced('sh', 'cat said.txt'),
    fenced('text', 'g… day'),
    fenced('ts', 'const n: number = 1\nconsole.log(n)'),
    fenced('text', '1'),
    fenced('sh', 'npx misc tokenize --help # in this process'),
    '<!-- not run: it needs a model -->\n\n',
    fenced('sh', 'npx misc inspect model/ --dtype \\\n  int8'),
  ]
  const written = 'written, for a later block'
  const checked = 'its options checked, not run'
  assert.equal(await run(page.join('')), [written, 'run', 'run', 'type-checked and run', 'run', checked])
  assert.is(readFileSync(join(folder, 'said.txt'), 'utf8'), 'good day\n')
})

running('what is wrong is an error', async () => {
  await fails(fenced('sh', 'echo a') + fenced('text', 'b'), /b/)
  await fails(fenced('sh', 'false; true'), /exit code 1/)
  await fails(fenced('js', 'throw new Error("no")'), /no/)
  await fails(fenced('ts', "const n: number = 'a'\nconsole.log(n)"), /TS2322/)
  await fails(fenced('ts module.ts', "export const n: number = 'a'") + fenced('js', "import './module.js'"), /TS2322/)
  await fails(fenced('json', '{,}'), /JSON/)
  await fails(fenced('python', 'pass'), /how a block of python is run/)
  await fails(fenced('js unused.mjs', ''), /no later block names unused/)
  await fails(fenced('sh', 'npx misc inspect nowhere/'), /nowhere/)
  await fails(
    `<!-- not run: a model -->\n\n${fenced('sh', 'npx misc inspect model/ --fast')}`,
    /unknown option '--fast'/,
  )
  await fails(`<!-- not run: a model -->\n\n${fenced('sh', 'x')}${fenced('text', 'y')}`, /of a block that is not run/)
  assert.not.ok(existsSync(join(folder, 'nowhere')))
})

running.run()
