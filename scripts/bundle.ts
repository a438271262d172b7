/**
 * Puts the packages that src imports and that are not installed with this one into a build, with their licences:
 * `node --import tsx scripts/bundle.ts [DIST]`. `npm run build` ends with it.
 *
 * Each becomes a file of dist/bundled, which dist's own imports then name: so those who embed the engine install none of them.
 */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, type Plugin } from 'esbuild'

const root = fileURLToPath(new URL('../', import.meta.url))
const licenceFile = /^(licen[cs]e|copying|notice)/i

/** A package whose code is in dist/bundled. */
export interface BundledPackage {
  readonly name: string
  readonly version: string
  readonly licence: string
  /** The text that has to go with it. */
  readonly text: string
}

/** What src imports of development’s packages: these are bundled, with what they need themselves. */
export function importedByName(): string[] {
  const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    devDependencies: Record<string, string>
  }
  const sources = filesIn(join(root, 'src'), '.ts').map((path) => readFileSync(path, 'utf8'))
  return Object.keys(devDependencies).filter((name) => sources.some((text) => importsOf(name).test(text)))
}

/** `from 'name'` and `import('name')`, of values as of types. */
const importsOf = (name: string): RegExp => new RegExp(`(\\bfrom |\\bimport\\()'${name}'`, 'g')

/**
 * Bundles them.
 *
 * @param folder dist/bundled; undefined: nothing is written
 * @returns whose code went in, in the order of their names
 */
export async function bundlePackages(folder?: string): Promise<BundledPackage[]> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: importedByName(),
    outdir: folder ?? 'bundled',
    write: folder !== undefined,
    ...{ bundle: true, splitting: true, minify: true, metafile: true, legalComments: 'none', logLevel: 'warning' },
    ...{ platform: 'node', format: 'esm', target: 'node20', plugins: [benchmarkParts] },
  })
  const used = Object.values(metafile.outputs).flatMap(({ inputs }) =>
    Object.entries(inputs).flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? packageFolder(path) : [])),
  )
  return [...new Set(used)].map(describe).sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** benchmark asks for its two parts by a variable, which no bundler can follow. */
const benchmarkParts: Plugin = {
  name: 'benchmark-parts',
  setup: (build) => {
    build.onLoad({ filter: /[\\/]benchmark[\\/]benchmark\.js$/ }, ({ path }) => {
      const [before, after, ...others] = readFileSync(path, 'utf8').split('freeExports && freeRequire(id)')
      if (after === undefined || others.length > 0) throw new Error(`${path}: does not ask for its parts as 2.1.4 does`)
      const parts = "const bundledParts = { lodash: require('lodash'), platform: require('platform') }\n"
      return { contents: `${parts}${before}bundledParts[id]${after}` }
    })
  },
}

/** `node_modules/NAME`, innermost. */
function packageFolder(path: string): string[] {
  const [folder] = /^.*node_modules\/(@[^/]+\/)?[^/]+/.exec(path) ?? []
  return folder === undefined ? [] : [folder]
}

function describe(folder: string): BundledPackage {
  const { name, version, license } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'))
  const path = readdirSync(join(root, folder)).find((it) => licenceFile.test(it))
  if (path === undefined) throw new Error(`${folder}: has no licence to pass on with it`)
  return { name, version, licence: license, text: readFileSync(join(root, folder, path), 'utf8').trim() }
}

/** Has the files of a build name the bundles in place of the packages. */
function nameBundles(dist: string, names: readonly string[]): void {
  const bundled = join(dist, 'bundled')
  for (const path of filesIn(dist, '.js')) {
    if (path.startsWith(bundled + sep)) continue
    const text = readFileSync(path, 'utf8')
    const toBundles = relative(dirname(path), bundled).replaceAll(sep, '/')
    const named = names.reduce((it, name) => it.replace(importsOf(name), `$1'${dotted(toBundles)}/${name}.js'`), text)
    if (named !== text) writeFileSync(path, named)
  }
}

const filesIn = (folder: string, ending: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((it) => it.endsWith(ending))
    .map((it) => join(folder, it))

const dotted = (path: string): string => (path.startsWith('.') ? path : `./${path}`)

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [dist = 'dist'] = process.argv.slice(2)
  const folder = join(dist, 'bundled')
  // Names of shared parts change with what is in them.
  rmSync(folder, { recursive: true, force: true })
  const packages = await bundlePackages(resolve(folder))
  nameBundles(dist, importedByName())
  const texts = packages.map(({ name, version, licence, text }) => `${name} ${version} (${licence})\n\n${text}\n`)
  writeFileSync(join(folder, 'LICENCES.txt'), texts.join(`\n${'-'.repeat(80)}\n\n`))
}
