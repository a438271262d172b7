import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { findSwiftShader } from '../../src/platform/node/swiftshader.js'
import { parseDialogue } from '../../src/text/dialogue.js'
import { tinyModel } from '../engine-model.js'
import { tempFolder } from '../temp.js'
import { compile, root, runNode, userFolder } from '../user-folder.js'

const examples = suite('examples')
const whatEmbedPrints = /^on .+\nlikeliest strategy: .+\nreply: .+\nas a question: .+\nstreamed: .+\n$/

examples('embed.ts compiles against the built package, runs in plain Node, and lets the process end', async () => {
  const folder = userFolder()
  copyFileSync(join(root, 'examples/embed.ts'), join(folder, 'embed.ts'))
  const settings = ['--strict', '--module', 'nodenext', '--target', 'es2022', '--lib', 'es2023,esnext.disposable']
  compile(folder, 'embed.ts', ...settings, '--types', 'node')
  const stdout = runNode(folder, 'embed.js', await tinyModel())
  assert.match(stdout, whatEmbedPrints)
})

for (const format of ['esm', 'cjs'] as const) {
  examples(
    `embed.ts bundled by esbuild (${format}) runs in another folder, with and without the system’s drivers`,
    async () => {
      const folder = userFolder()
      copyFileSync(join(root, 'examples/embed.ts'), join(folder, 'embed.ts'))
      const app = tempFolder()
      const bundle = join(app, format === 'esm' ? 'app.mjs' : 'app.cjs')
      const { warnings } = await build({
        absWorkingDir: folder,
        entryPoints: ['embed.ts'],
        outfile: bundle,
        ...{ bundle: true, platform: 'node', target: 'node20', format, logLevel: 'silent' },
        external: ['webgpu', 'tokenizers'],
      })
      assert.equal(warnings, [])
      // An app's own packages: SwiftShader among them, for machines that have nothing else.
      for (const name of ['webgpu', 'tokenizers', '@sparticuz']) {
        mkdirSync(join(app, 'node_modules'), { recursive: true })
        symlinkSync(join(root, 'node_modules', name), join(app, 'node_modules', name))
      }
      const model = await tinyModel()
      const elsewhere = tempFolder()
      assert.match(runNode(elsewhere, bundle, model), whatEmbedPrints)
      const noDrivers = { ...process.env, VK_ICD_FILENAMES: '/nonexistent', VK_DRIVER_FILES: '/nonexistent' }
      const env = (await findSwiftShader()) ? noDrivers : process.env
      const alone = spawnSync(process.execPath, [bundle, model], { cwd: elsewhere, env, encoding: 'utf8' })
      assert.match(alone.stdout, whatEmbedPrints, alone.stderr)
      const { status, stderr } = spawnSync(process.execPath, [bundle], { cwd: elsewhere, encoding: 'utf8' })
      assert.is(status, 1)
      assert.match(
        stderr,
        /InputError: the model that comes with misc-webgpu is not where its code runs .*: a bundled app/,
      )
    },
  )
}

examples('dialogue.json is bare text that ends with the seeker', () => {
  const { situation, dialogue, blocks } = parseDialogue(
    JSON.parse(readFileSync(join(root, 'examples/dialogue.json'), 'utf8')),
  )
  assert.ok(situation)
  assert.is(dialogue.at(-1)!.speaker, 'seeker')
  assert.is(blocks, undefined)
})

examples('the demo replies to it, with blocks that its COMET infers', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: { demo: string } }
  const [node, main, ...args] = scripts.demo.split(' ')
  assert.equal([node, main], ['node', 'dist/cli/main.js'])
  const installed = join(userFolder(), 'node_modules/misc-webgpu/dist/cli/main.js')
  const { stdout, stderr, status } = spawnSync(process.execPath, [installed, ...args], { cwd: root, encoding: 'utf8' })
  assert.is(status, 0, stderr)
  assert.match(stdout, /^\S.*\n$/)
  assert.match(stderr, /^situation: I'm finding the COVID/m)
  assert.match(stderr, /^blocks {6}\d\d of the last post, \d\d of the situation; inferred$/m)
})

examples.run()
