/** docs/licences.md, held against what is installed. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'

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
  const [, table] = page.split('| package | licence |\n')
  const listed = [...table!.matchAll(/^\| ([^\s-]\S*) \| (\S+) \|$/gm)].map(([, name, licence]) => [name, licence])
  assert.equal(listed, installed)
  for (const [name, licence] of installed) assert.ok(permissive.includes(licence!), `${name}: ${licence}`)
})

licences.run()
