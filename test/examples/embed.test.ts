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

examples('dialogue.json is a sound input that ends with the seeker', () => {
  const { situation, dialogue } = parseDialogue(JSON.parse(readFileSync(join(root, 'examples/dialogue.json'), 'utf8')))
  assert.ok(situation)
  assert.is(dialogue.at(-1)!.speaker, 'seeker')
})

examples.run()
