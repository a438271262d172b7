/** What npm ships: the packed tarball, installed in an empty folder, used as a stranger would. */
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { transformSync } from 'esbuild'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { tempFolder } from '../temp.js'
import { root, runCommand } from './run-command.js'

const shipped = suite('package')
const folder = tempFolder()

shipped('npm pack holds what a user needs and nothing else', () => {
  const { code, stdout, stderr } = runCommand('npm', ['pack', '--json', '--pack-destination', folder])
  assert.is(code, 0, stderr)
  const [packed] = Object.values(JSON.parse(stdout.slice(stdout.search(/^[[{]/m)))) as {
    filename: string
    files: { path: string }[]
  }[]
  const paths = packed!.files.map((it) => it.path)
  for (const path of [
    'dist/index.js',
    'dist/index.d.ts',
    'dist/cli/main.js',
    'weights/misc-mini/model.safetensors',
    'weights/misc-mini/README.md',
    'weights/comet-mini/model.safetensors',
    'data/wordnet/noun.exc',
    'data/wordnet/LICENSE',
    'examples/embed.ts',
    'README.md',
    'CHANGELOG.md',
    'LICENSE',
  ]) {
    assert.ok(paths.includes(path), `${path} is missing`)
  }
  const others = paths.filter(
    (path) => !/^(dist|data|weights|examples)\/|^(package\.json|README\.md|CHANGELOG\.md|LICENSE)$/.test(path),
  )
  assert.equal(others, [])
  cpSync(join(folder, packed!.filename), join(folder, 'misc-webgpu.tgz'))
})

shipped('installed in an empty folder, it runs examples/embed.ts and misc chat', () => {
  const app = join(folder, 'app')
  cpSync(join(root, 'examples'), app, { recursive: true })
  writeFileSync(join(app, 'package.json'), '{"type": "module", "private": true}')
  const install = runCommand('npm', ['install', '../misc-webgpu.tgz', '@sparticuz/chromium@147'], { cwd: app })
  assert.is(install.code, 0, install.stderr)

  // Node 20 does not run TypeScript: the example is used as a user compiles it.
  const { code: program } = transformSync(readFileSync(join(app, 'embed.ts'), 'utf8'), {
    loader: 'ts',
    format: 'esm',
    target: 'node20',
  })
  writeFileSync(join(app, 'embed.js'), program)
  const embed = runCommand(process.execPath, ['embed.js'], { cwd: app })
  assert.is(embed.code, 0, embed.stderr)
  assert.match(embed.stdout, /\S+ \S+/)

  const chat = runCommand('npx', ['misc', 'chat', '--seed', '1'], {
    cwd: app,
    input: 'I feel so alone today.\n/quit\n',
  })
  assert.is(chat.code, 0, chat.stderr)
  assert.match(chat.stdout + chat.stderr, /crisis/i)
})

shipped.run()
