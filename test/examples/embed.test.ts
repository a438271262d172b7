import { copyFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parseDialogue } from '../../src/text/dialogue.js'
import { tinyModel } from '../engine-model.js'
import { compile, root, runNode, userFolder } from '../user-folder.js'

const examples = suite('examples')

examples('embed.ts compiles against the built package, runs in plain Node, and lets the process end', async () => {
  const folder = userFolder()
  copyFileSync(join(root, 'examples/embed.ts'), join(folder, 'embed.ts'))
  const settings = ['--strict', '--module', 'nodenext', '--target', 'es2022', '--lib', 'es2023,esnext.disposable']
  compile(folder, 'embed.ts', ...settings, '--types', 'node')
  const stdout = runNode(folder, 'embed.js', await tinyModel())
  assert.match(stdout, /^on .+\nlikeliest strategy: .+\nreply: .+\nas a question: .+\nstreamed: .+\n$/)
})

examples('dialogue.json is a sound input that ends with the seeker', () => {
  const { situation, dialogue } = parseDialogue(JSON.parse(readFileSync(join(root, 'examples/dialogue.json'), 'utf8')))
  assert.ok(situation)
  assert.is(dialogue.at(-1)!.speaker, 'seeker')
})

examples.run()
