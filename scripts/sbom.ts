/**
 * Leaves in dist/sbom.cdx.json, as cyclonedx-npm writes it of all that is installed here, what is in the package or installed with
 * it: `npm pack` ends with it. What development alone needs goes out, but for the packages whose code is in dist/bundled.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { bundlePackages } from './bundle.js'

interface Component {
  readonly 'bom-ref': string
  readonly group?: string
  readonly name: string
  readonly version: string
  readonly properties?: readonly { readonly name: string; readonly value: string }[]
  /** What is installed within it. */
  readonly components?: readonly Component[]
}

interface Bill {
  readonly metadata: { readonly component: Component }
  readonly components: readonly Component[]
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn?: readonly string[] }[]
}

const path = 'dist/sbom.cdx.json'
const bill = JSON.parse(readFileSync(path, 'utf8')) as Bill
// The lock's word: cyclonedx-npm has its mark of what is for development from `npm ls`, which left it out of a tree with an alias.
const { packages: locked } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean }>>
}
const bundled = new Set((await bundlePackages()).map(({ name, version }) => `${name}@${version}`))
const components = kept(bill.components)
const refs = new Set(withInner([bill.metadata.component, ...components]).map((it) => it['bom-ref']))
const dependencies = bill.dependencies
  .filter(({ ref }) => refs.has(ref))
  .map(({ ref, dependsOn }) => ({ ref, ...(dependsOn && { dependsOn: dependsOn.filter((it) => refs.has(it)) }) }))
writeFileSync(path, JSON.stringify({ ...bill, components, dependencies }, null, 2))

function kept(all: readonly Component[]): Component[] {
  return all.flatMap(({ components: inner = [], ...it }) => {
    const { group, name, version, properties = [] } = it
    const path = properties.find((it) => it.name === 'cdx:npm:package:path')?.value
    const isDevelopment = path !== undefined && locked[path]?.dev === true
    const within = kept(inner)
    if (isDevelopment && !bundled.has(`${group ? `${group}/` : ''}${name}@${version}`)) return within
    return { ...it, ...(within.length > 0 && { components: within }) }
  })
}

function withInner(all: readonly Component[]): Component[] {
  return all.flatMap((it) => [it, ...withInner(it.components ?? [])])
}
