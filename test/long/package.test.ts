/** What npm ships: the packed tarball, installed in an empty folder, used as a stranger would. */
import { chmodSync, cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { transformSync } from 'esbuild'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { tempFolder } from '../temp.js'
import { root, runCommand } from './run-command.js'

const shipped = suite('package')
const folder = tempFolder()
/** Where a stranger's app is: a path that needs quotes, and UTF-8. */
const app = join(folder, 'Zoë’s app, новое')
const nobody = 65534
const asRoot = process.getuid?.() === 0
const example = (...args: string[]) => runCommand(process.execPath, args, { cwd: app })

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
    'dist/sbom.cdx.json',
    'weights/misc-mini/model.safetensors',
    'weights/misc-mini/README.md',
    'weights/comet-mini/model.safetensors',
    'data/wordnet/noun.exc',
    'data/wordnet/LICENSE',
    'examples/embed.ts',
    'docs/quick-start.md',
    'docs/decode-step.svg',
    'README.md',
    'CHANGELOG.md',
    'LICENSE',
  ]) {
    assert.ok(paths.includes(path), `${path} is missing`)
  }
  const others = paths.filter(
    (path) =>
      !/^(dist|data|weights|examples)\/|^docs\/[\w-]+\.(md|svg)$|^(package\.json|README\.md|CHANGELOG\.md|LICENSE)$/.test(
        path,
      ),
  )
  assert.equal(others, [])
  cpSync(join(folder, packed!.filename), join(folder, 'misc-webgpu.tgz'))
})

shipped('installed in an empty folder, it runs examples/embed.ts, misc chat, and draws a page', () => {
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
  const embed = example('embed.js')
  assert.is(embed.code, 0, embed.stderr)
  assert.match(embed.stdout, /\S+ \S+/)

  const chat = runCommand('npx', ['misc', 'chat', '--seed', '1'], {
    cwd: app,
    input: 'I feel so alone today.\n/quit\n',
  })
  assert.is(chat.code, 0, chat.stderr)
  assert.match(chat.stdout + chat.stderr, /crisis/i)

  // By what is bundled, since nothing that draws is installed.
  const dialog = [
    { speaker: 'usr', text: 'i feel alone' },
    { speaker: 'sys', text: 'why?', strategy: 'Question' },
  ]
  writeFileSync(join(app, 'test.jsonl'), JSON.stringify({ dialog }))
  writeFileSync(join(app, 'best.json'), '[{"reference": "Question", "hypothesis": "Question"}]')
  const explain = ['misc', 'explain', 'best.json', '--data', 'test.jsonl', '--out', 'page.html']
  const drawn = runCommand('npx', explain, { cwd: app })
  assert.is(drawn.code, 0, drawn.stderr)
  assert.match(readFileSync(join(app, 'page.html'), 'utf8'), /<svg id="top-k"/)
})

shipped('in a worker thread', () => {
  const { code, stdout, stderr } = example('worker.mjs')
  assert.is(code, 0, stderr)
  assert.match(stdout, /the worker has ended, code 0/)
})

shipped('by require(), and the same engine as by import', () => {
  const program = `
    const { Misc, load } = require('misc-webgpu')
    import('misc-webgpu').then((imported) => console.log(typeof load, imported.Misc === Misc))`
  const { code, stdout, stderr } = example('--input-type=commonjs', '--eval', program)
  assert.is(code, 0, stderr)
  assert.is(stdout, 'function true\n')
})

shipped('what only the commands need is not loaded by those who embed it', () => {
  const hooks = 'export const load = (url, context, next) => { console.log(url); return next(url, context) }'
  const program = `
    import { register } from 'node:module'
    register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(hooks)}`)})
    await import('misc-webgpu')`
  const { code, stdout, stderr } = example('--input-type=module', '--eval', program)
  assert.is(code, 0, stderr)
  const loaded = stdout.trim().split('\n')
  assert.ok(loaded.some((it) => it.endsWith('misc-webgpu/dist/index.js')))
  const ofCommands =
    /node_modules\/(commander|cli-progress|tar|yauzl)\/|bundled\/(vega|benchmark)|dist\/(cli|bench|plots)\//
  assert.equal(
    loaded.filter((it) => ofCommands.test(it)),
    [],
  )
})

shipped('its parts, their versions and licences are in its bill of materials', () => {
  const own = join(app, 'node_modules/misc-webgpu')
  const bill = JSON.parse(readFileSync(join(own, 'dist/sbom.cdx.json'), 'utf8')) as {
    bomFormat: string
    components: { group?: string; name: string; version: string; licenses: unknown[] }[]
  }
  assert.is(bill.bomFormat, 'CycloneDX')
  const { dependencies } = JSON.parse(readFileSync(join(own, 'package.json'), 'utf8'))
  const components = bill.components.map(({ group, name, ...it }) => ({
    name: group ? `${group}/${name}` : name,
    ...it,
  }))
  const listed = components.map(({ name }) => name)
  for (const name of Object.keys(dependencies)) assert.ok(listed.includes(name), name)
  // The code of others is in the package itself.
  const licences = readFileSync(join(own, 'dist/bundled/LICENCES.txt'), 'utf8')
  const bundled = [...licences.matchAll(/^(\S+) [\d.]+ \([\w.-]+\)$/gm)].map(([, name]) => name!)
  for (const name of ['vega', 'vega-lite', 'benchmark', 'lodash', 'simple-statistics']) {
    assert.ok(bundled.includes(name) && listed.includes(name), name)
    assert.not.ok(existsSync(join(app, 'node_modules', name)), `${name} is installed`)
  }
  for (const name of bundled) assert.ok(listed.includes(name), name)
  for (const { name, version, licenses } of components) {
    assert.ok(version && licenses.length > 0, name)
    if (bundled.includes(name)) continue
    const installed = join(app, 'node_modules', name, 'package.json')
    assert.ok(existsSync(installed), `${name} is not what npm installs`)
  }
})

shipped('as a user who may write nowhere, and without a network', () => {
  if (!asRoot) {
    console.log('  left out: another user, and a machine without network, need root')
    return
  }
  chmodSync(folder, 0o755)
  const input = '{"dialogue": [{"speaker": "seeker", "text": "i lost my job"}]}'
  writeFileSync(join(app, 'dialogue.json'), input)
  // The machine without network is made as root, and what runs in it is nobody.
  const asNobody = ['--net', '--', 'setpriv', `--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups']
  const misc = [process.execPath, 'node_modules/misc-webgpu/dist/cli/main.js']
  const env = { HOME: '/nonexistent', XDG_CACHE_HOME: '/nonexistent' }
  const command = [...asNobody, ...misc, 'generate', '--input', 'dialogue.json', '--seed', '1']
  const { code, stdout, stderr } = runCommand('unshare', command, { cwd: app, env })
  assert.is(code, 0, stderr)
  assert.match(stdout, /\w+ \w+/)
})

shipped.run()
