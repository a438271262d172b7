import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parseDialogue } from '../../src/text/dialogue.js'
import { tinyModel } from '../engine-model.js'
import { tempFolder } from '../temp.js'

const root = fileURLToPath(new URL('../../', import.meta.url))
const examples = suite('examples')

function run(cwd: string, ...args: string[]) {
  const { stdout, stderr, status } = spawnSync(process.execPath, args, { cwd, encoding: 'utf8' })
  assert.is(status, 0, stdout + stderr)
  return stdout
}

const tsc = join(root, 'node_modules/typescript/bin/tsc')

/** A folder of a user's own with the built package, and what it depends on, in its node_modules. */
function userFolder(): string {
  const folder = tempFolder()
  const modules = join(folder, 'node_modules')
  const installed = join(modules, 'misc-webgpu')
  mkdirSync(installed, { recursive: true })
  run(root, tsc, '-p', 'tsconfig.build.json', '--noCheck', '--outDir', join(installed, 'dist'))
  copyFileSync(join(root, 'package.json'), join(installed, 'package.json'))
  symlinkSync(join(root, 'shaders'), join(installed, 'shaders'))
  for (const name of readdirSync(join(root, 'node_modules'))) {
    if (!name.startsWith('.')) symlinkSync(join(root, 'node_modules', name), join(modules, name))
  }
  writeFileSync(join(folder, 'package.json'), '{"type": "module"}')
  return folder
}

examples('embed.ts compiles against the built package, runs in plain Node, and lets the process end', async () => {
  const folder = userFolder()
  copyFileSync(join(root, 'examples/embed.ts'), join(folder, 'embed.ts'))
  const settings = ['--strict', '--module', 'nodenext', '--target', 'es2022', '--lib', 'es2023,esnext.disposable']
  run(folder, tsc, 'embed.ts', ...settings, '--types', 'node')
  const stdout = run(folder, 'embed.js', await tinyModel())
  assert.match(stdout, /^on .+\nlikeliest strategy: .+\nreply: .+\nas a question: .+\nstreamed: .+\n$/)
})

examples('dialogue.json is a sound input that ends with the seeker', () => {
  const { situation, dialogue } = parseDialogue(JSON.parse(readFileSync(join(root, 'examples/dialogue.json'), 'utf8')))
  assert.ok(situation)
  assert.is(dialogue.at(-1)!.speaker, 'seeker')
})

examples.run()
