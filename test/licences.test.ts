/** docs/licences.md, held against what is installed. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { bundlePackages, importedByName } from '../scripts/bundle.js'

const licences = suite('docs/licences.md')
const root = fileURLToPath(new URL('../', import.meta.url))
const page = readFileSync(join(root, 'docs/licences.md'), 'utf8')

/** Licences under which anyone may use and pass on what comes with the package. */
const permissive = ['MIT', 'ISC', 'Apache-2.0', 'BSD-3-Clause', 'BlueOak-1.0.0']

licences('every package that is installed with this one is listed, with its licence', () => {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { license?: string; dev?: boolean }>
  }
  const installed = Object.entries(packages)
    .filter(([path, { dev }]) => path !== '' && !dev)
    .map(([path, { license }]) => [path.replace(/^.*node_modules\//, ''), license])
  assert.equal(listed('| package | licence |'), installed)
  for (const [name, licence] of installed) assert.ok(permissive.includes(licence!), `${name}: ${licence}`)
})

licences('every package whose code a build bundles is listed, with its licence', async () => {
  const bundled = await bundlePackages()
  const lines = new Map(bundled.map(({ name, licence }) => [`${name} ${licence}`, [name, licence]]))
  assert.equal(listed('| bundled package | licence |'), [...lines.values()])
  for (const { name, licence, text } of bundled) {
    assert.ok(permissive.includes(licence), `${name}: ${licence}`)
    assert.match(text, /copyright/i, name)
  }
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  for (const name of ['vega', 'vega-lite', 'benchmark', 'simple-statistics']) {
    assert.ok(importedByName().includes(name), name)
    assert.ok(devDependencies[name] && !dependencies[name], name)
  }
})

/** Names and licences of a table. */
function listed(heading: string): string[][] {
  const [, table = ''] = page.split(`${heading}\n| --- | --- |\n`)
  const [rows = ''] = table.split('\n\n')
  return [...rows.matchAll(/^\| (\S+) \| (\S+) \|$/gm)].map(([, name, licence]) => [name!, licence!])
}

licences.run()
